//! What a job may touch, in one explicit struct.

use chrono::{DateTime, Utc};
use shared::otp::Codes;
use shared::queue::Queue;

use crate::config::{LimitsConfig, WorkerConfig};
use crate::registry::Registry;
use crate::sms::Sms;

/// Everything a job may touch; shared by all jobs of a worker.
pub struct Context {
    /// Asked for leave to send.
    pub queue: Queue,
    /// Persons and approvals.
    pub registry: Registry,
    /// Makes codes and keeps what checking them needs.
    pub codes: Codes,
    /// Sends them.
    pub sms: Sms,
    /// What may not be sent.
    pub limits: LimitsConfig,
    /// The time decisions are made at.
    pub clock: fn() -> DateTime<Utc>,
}

impl Context {
    /// Builds the clients of the configured services. Nothing is connected yet. The error is that of an HTTP client
    /// that cannot be made: no certificates, no cryptography.
    pub fn new(config: &WorkerConfig, queue: Queue) -> Result<Self, reqwest::Error> {
        Ok(Self {
            registry: Registry::new(&config.registry)?,
            codes: Codes::new(&config.otp, queue.clone()),
            sms: Sms::from_config(&config.sms)?,
            limits: config.limits.clone(),
            clock: Utc::now,
            queue,
        })
    }
}
