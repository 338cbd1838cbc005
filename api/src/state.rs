//! Everything that handlers may use.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, counter};
use shared::queue::{JobNotifier, Queue};
use shared::redis::{Redis, RedisError};
use shared::runtime::health::Readiness;
use shared::sending::codes::Codes;
use shared::settings::ApprovalLimits;
use shared::telemetry::metric;
use tokio_util::sync::CancellationToken;

use crate::auth::Authenticator;
use crate::config::{Config, HttpConfig, SyncConfig};
use crate::jobs::reader::JobReader;
use crate::jobs::wait::JobWaiter;
use crate::request::concurrency::ConcurrencyLimit;

/// Why the state could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The addresses of Redis are invalid.
    #[error("RESEND_REDIS_URL: {0}")]
    Redis(#[from] RedisError),
    /// The client for upstream calls could not be set up.
    #[error("cannot set up TLS for upstream calls: {0}")]
    Upstream(#[from] reqwest::Error),
}

/// The state of all routes on one thread of the server; clones share it.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Services>);

/// The contents of the state.
pub(crate) struct Services {
    pub(crate) queue: Queue,
    pub(crate) jobs: JobReader,
    pub(crate) waiter: JobWaiter,
    /// Checked by the queue when a job is accepted.
    pub(crate) approval_limits: ApprovalLimits,
    /// Checks codes made here; `None` without the key they are made under.
    pub(crate) codes: Option<Codes>,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) http: HttpConfig,
    pub(crate) sync: SyncConfig,
    pub(crate) limits: RequestLimits,
    pub(crate) notifier: JobNotifier,
    pub(crate) readiness: Readiness,
    /// Cancelled when the program is told to stop, which ends every wait.
    pub(crate) stopping: CancellationToken,
    /// Jobs stored by this process.
    pub(crate) jobs_accepted: Counter,
}

/// Limits on the number of requests in each phase, and on their duration.
#[derive(Clone)]
pub(crate) struct RequestLimits {
    /// Worked on.
    pub(crate) in_flight: ConcurrencyLimit,
    /// Receiving their body.
    pub(crate) bodies: ConcurrencyLimit,
    /// Longest a request may be worked on.
    pub(crate) request: Duration,
    /// Longest time to receive a body.
    pub(crate) body: Duration,
}

impl AppState {
    /// Sets everything up. Nothing is connected yet.
    pub(crate) fn new(config: &Config) -> Result<Self, StateError> {
        let queue = Queue::new(Redis::new(&config.redis)?, config.queue.clone());
        let notifier = JobNotifier::new(queue.job_store().clone(), &config.redis)?;
        let stopping = CancellationToken::new();
        let waits = ConcurrencyLimit::new("waits", config.server.waits);
        Ok(Self(Arc::new(Services {
            jobs: JobReader::new(queue.job_store().clone()),
            waiter: JobWaiter::new(notifier.clone(), waits, stopping.clone()),
            approval_limits: config.limits.clone(),
            codes: config.otp.as_ref().map(|otp| Codes::new(otp, queue.clone())),
            queue,
            authenticator: Arc::new(Authenticator::new(&config.auth)?),
            http: config.http.clone(),
            sync: config.sync,
            limits: RequestLimits {
                in_flight: ConcurrencyLimit::new("requests", config.server.in_flight),
                bodies: ConcurrencyLimit::new("bodies", config.server.bodies),
                request: config.server.http.request,
                body: config.server.body,
            },
            notifier,
            readiness: Readiness::default(),
            stopping,
            jobs_accepted: counter!(metric::JOBS_ACCEPTED),
        })))
    }

    /// The state for another thread: its own connection to Redis, everything else shared.
    pub(crate) fn with_own_connection(&self, config: &Config) -> Self {
        let queue = self.queue.with_own_connection();
        Self(Arc::new(Services {
            jobs: JobReader::new(queue.job_store().clone()),
            waiter: self.waiter.clone(),
            approval_limits: self.approval_limits.clone(),
            codes: config.otp.as_ref().map(|otp| Codes::new(otp, queue.clone())),
            queue,
            authenticator: self.authenticator.clone(),
            http: self.http.clone(),
            sync: self.sync,
            limits: self.limits.clone(),
            notifier: self.notifier.clone(),
            readiness: self.readiness.clone(),
            stopping: self.stopping.clone(),
            jobs_accepted: self.jobs_accepted.clone(),
        }))
    }
}

impl Deref for AppState {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
    }
}

#[cfg(test)]
impl AppState {
    /// One whose Redis and authorization server are not there.
    pub(crate) fn unconnected() -> Self {
        shared::runtime::tls::install_crypto_provider();
        let settings = shared::settings::Settings::from_pairs([
            ("RESEND_REDIS_URL", "redis://127.0.0.1:1/0"),
            ("RESEND_AUTH_MODE", "introspection"),
            ("RESEND_AUTH_URL", "http://127.0.0.1:1/introspect"),
            ("RESEND_AUTH_CLIENT_ID", "resend-api"),
            ("RESEND_AUTH_CLIENT_SECRET", "secret"),
        ]);
        let mut config = Config::from_settings(&settings.unwrap()).unwrap();
        config.server.http.request = Duration::from_millis(20);
        Self::new(&config).unwrap()
    }
}
