//! Everything a handler may touch.

use std::sync::Arc;

use shared::queue::{JobNotifier, Queue};
use shared::redis::Redis;
use shared::runtime::health::Readiness;
use shared::sending::codes::Codes;
use shared::settings::ApprovalLimits;
use tokio_util::sync::CancellationToken;

use crate::StartError;
use crate::auth::Authenticator;
use crate::config::{Config, JobHref, PublicUrl, ServerLimits, SyncConfig};
use crate::middleware::concurrency::InFlight;
use crate::middleware::request_log::Meters;
use crate::responses::error::QueueErrorMapper;

/// The state behind all routes, on one lane of the server.
pub(crate) struct Api {
    pub(crate) queue: Queue,
    /// Checked by the queue when a job is accepted.
    pub(crate) approval_limits: ApprovalLimits,
    /// Checks codes made here; none without the key they are made under.
    pub(crate) codes: Option<Codes>,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) job_href: JobHref,
    pub(crate) public_url: Option<PublicUrl>,
    pub(crate) server: ServerLimits,
    pub(crate) sync: SyncConfig,
    /// Requests being worked on.
    pub(crate) in_flight: InFlight,
    /// Clients waiting for jobs, and what wakes them.
    pub(crate) waits: InFlight,
    pub(crate) waiters: JobNotifier,
    /// Cancelled when a stop is asked for: nobody is to wait any longer.
    pub(crate) stopping: CancellationToken,
    pub(crate) readiness: Readiness,
    pub(crate) meters: Meters,
    pub(crate) queue_trouble: Arc<QueueErrorMapper>,
}

impl Api {
    /// Sets everything up. Nothing is connected yet.
    pub(crate) fn new(config: &Config) -> Result<Arc<Self>, StartError> {
        let queue = Queue::new(Redis::new(&config.redis)?, config.queue.clone());
        let waiters = JobNotifier::new(queue.clone(), &config.redis)?;
        let authenticator = Authenticator::new(&config.auth).map_err(StartError::Upstream)?;
        Ok(Arc::new(Self {
            codes: config.otp.as_ref().map(|otp| Codes::new(otp, queue.clone())),
            queue,
            approval_limits: config.limits.clone(),
            authenticator: Arc::new(authenticator),
            job_href: config.http.job_href.clone(),
            public_url: config.http.public_url.clone(),
            server: config.server.clone(),
            sync: config.sync,
            in_flight: InFlight::new(config.server.in_flight),
            waits: InFlight::new(config.server.waits),
            waiters,
            stopping: CancellationToken::new(),
            readiness: Readiness::default(),
            meters: Meters::new(),
            queue_trouble: Arc::default(),
        }))
    }

    /// The state of another lane: a link to Redis of its own, all else in common.
    pub(crate) fn beside(&self, config: &Config) -> Arc<Self> {
        let queue = self.queue.with_own_connection();
        Arc::new(Self {
            codes: config.otp.as_ref().map(|otp| Codes::new(otp, queue.clone())),
            queue,
            approval_limits: self.approval_limits.clone(),
            authenticator: self.authenticator.clone(),
            job_href: self.job_href.clone(),
            public_url: self.public_url.clone(),
            server: self.server.clone(),
            sync: self.sync,
            in_flight: self.in_flight.clone(),
            waits: self.waits.clone(),
            waiters: self.waiters.clone(),
            stopping: self.stopping.clone(),
            readiness: self.readiness.clone(),
            meters: Meters::new(),
            queue_trouble: self.queue_trouble.clone(),
        })
    }
}

#[cfg(test)]
impl Api {
    /// One whose Redis and authorization server are not there.
    pub(crate) fn unconnected() -> Arc<Self> {
        shared::runtime::tls::install_crypto_provider();
        let settings = shared::settings::Settings::from_pairs([
            ("RESEND_REDIS_URL", "redis://127.0.0.1:1/0"),
            ("RESEND_AUTH_MODE", "introspection"),
            ("RESEND_AUTH_URL", "http://127.0.0.1:1/introspect"),
            ("RESEND_AUTH_CLIENT_ID", "resend-api"),
            ("RESEND_AUTH_CLIENT_SECRET", "secret"),
        ]);
        let mut config = Config::from_settings(&settings.unwrap()).unwrap();
        config.server.request = std::time::Duration::from_millis(20);
        Self::new(&config).unwrap()
    }
}
