//! Checks again and again whether Redis, as it is configured, keeps accepted jobs, and logs what is wrong.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::redis::{ConfigIssue, RedisError};
use crate::telemetry::metric;

use super::{Queue, QueueError};

/// How often Redis is checked: a fail-over may lead to a server with another configuration.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// With `RESEND_STRICT` no job is accepted before the first check, nor while Redis would lose jobs.
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
    /// Checks Redis until `stop` is cancelled, logs what is wrong whenever that changes, and with `RESEND_STRICT`
    /// accepts jobs or not accordingly.
    pub async fn watch_redis(self, stop: CancellationToken) {
        let mut known = None;
        loop {
            // While Redis is unreachable no job is accepted anyway; the last result stands.
            if let Ok(found) = self.check_redis().await
                && known.as_ref() != Some(&found)
            {
                log(&found, self.inner.guard.strict);
                known = Some(found);
            }
            if stop.run_until_cancelled(tokio::time::sleep(POLL_INTERVAL)).await.is_none() {
                return;
            }
        }
    }

    async fn check_redis(&self) -> Result<Vec<ConfigIssue>, RedisError> {
        let found = self.inner.redis.config_issues().await?;
        let loses_jobs = found.iter().filter(|issue| issue.loses_jobs).count();
        self.inner.guard.unsafe_now.store(loses_jobs > 0, Ordering::Relaxed);
        metrics::gauge!(metric::REDIS_UNSAFE).set(u32::try_from(loses_jobs).unwrap_or(u32::MAX));
        Ok(found)
    }
}

fn log(issues: &[ConfigIssue], strict: bool) {
    for ConfigIssue { what, change, loses_jobs } in issues {
        let refuses = strict && *loses_jobs;
        tracing::error!(
            what,
            change,
            refuses_jobs = refuses,
            "Redis configuration loses accepted jobs or replicas are missing"
        );
    }
    if issues.is_empty() {
        tracing::info!("Redis durability settings OK");
    }
}
