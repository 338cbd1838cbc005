//! What a job may use, in one explicit struct.

use chrono::{DateTime, Utc};
use shared::queue::Queue;
use shared::sending::guard::SendGuard;
use shared::sending::phone_names::PhoneNames;

use crate::code_sender::CodeSender;
use crate::config::{LimitsConfig, WorkerConfig};
use crate::open_outcomes::OpenOutcomes;
use crate::registry::Registry;
use crate::upstream::HttpClient;
use shared::telemetry::InFlight;

/// Everything a job may use; shared by all jobs of a worker.
pub struct Context {
    /// Grants permits to send.
    pub queue: Queue,
    /// Persons and approvals.
    pub registry: Registry,
    /// Makes codes and sends them.
    pub sender: CodeSender,
    /// The countries that messages may go to.
    pub limits: LimitsConfig,
    /// The channels' capacity, and whether a message may go now.
    pub send_guard: SendGuard,
    /// The runs in progress.
    pub runs: InFlight,
    /// Jobs whose last try left it open whether their message was taken.
    pub open_outcomes: OpenOutcomes,
    /// The clock for decisions.
    pub clock: fn() -> DateTime<Utc>,
}

impl Context {
    /// Builds the clients of the configured services. Nothing is connected yet. Fails if an HTTP client cannot be
    /// created: no certificates, no cryptography.
    pub fn new(config: &WorkerConfig, queue: Queue) -> Result<Self, reqwest::Error> {
        let client = HttpClient::new()?;
        Ok(Self {
            registry: Registry::new(&config.registry, &client),
            sender: CodeSender::new(&config.sending, queue.clone(), &client),
            limits: config.limits.clone(),
            send_guard: SendGuard::new(
                &config.message_limits,
                PhoneNames::new(&config.phone_secrets),
                queue.clone(),
            ),
            runs: InFlight::default(),
            open_outcomes: OpenOutcomes::default(),
            clock: Utc::now,
            queue,
        })
    }
}
