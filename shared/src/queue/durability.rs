//! Whether jobs may be accepted at all: Redis is looked at again and again, and what is wrong with it is said loudly.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::redis::{ConfigIssue, RedisError};
use crate::telemetry::metric;

use super::{Queue, QueueError};

/// How often is looked: a fail-over may lead to a server that is set up otherwise.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(5);

/// With `RESEND_STRICT` nothing is accepted before Redis was looked at, nor while it would lose jobs.
pub(super) struct DurabilityMonitor {
    strict: bool,
    unsafe_now: AtomicBool,
}

impl DurabilityMonitor {
    pub(super) fn new(strict: bool) -> Self {
        Self { strict, unsafe_now: AtomicBool::new(strict) }
    }

    pub(super) fn check(&self) -> Result<(), QueueError> {
        if self.strict && self.unsafe_now.load(Ordering::Relaxed) { Err(QueueError::Unsafe) } else { Ok(()) }
    }
}

impl Queue {
    /// Looks at Redis until `stop` is cancelled, logs what is wrong whenever that changes, and with `RESEND_STRICT`
    /// lets jobs in or not accordingly.
    pub async fn watch_redis(self, stop: CancellationToken) {
        let mut known = None;
        loop {
            // While Redis is away nothing is accepted anyway; what was found before stands.
            if let Ok(found) = self.look_at_redis().await
                && known.as_ref() != Some(&found)
            {
                say(&found, self.inner.guard.strict);
                known = Some(found);
            }
            if stop.run_until_cancelled(tokio::time::sleep(LOOKED_AT_EVERY)).await.is_none() {
                return;
            }
        }
    }

    async fn look_at_redis(&self) -> Result<Vec<ConfigIssue>, RedisError> {
        let found = self.inner.redis.findings().await?;
        let loses_jobs = found.iter().filter(|finding| finding.loses_jobs).count();
        self.inner.guard.unsafe_now.store(loses_jobs > 0, Ordering::Relaxed);
        metrics::gauge!(metric::REDIS_UNSAFE).set(u32::try_from(loses_jobs).unwrap_or(u32::MAX));
        Ok(found)
    }
}

fn say(found: &[ConfigIssue], strict: bool) {
    for ConfigIssue { what, change, loses_jobs } in found {
        let refuses = strict && *loses_jobs;
        tracing::error!(what, change, refuses_jobs = refuses, "redis is not set up for what is promised");
    }
    if found.is_empty() {
        tracing::info!("redis is set up for what is promised");
    }
}
