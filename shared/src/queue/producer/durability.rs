//! Checks periodically whether Redis, as configured, keeps accepted jobs, and logs what is wrong.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Producer;
use crate::redis::{ConfigIssue, RedisError};
use crate::telemetry::metric;

/// How often Redis is checked: a fail-over may lead to a server with another configuration.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

impl Producer {
    /// Checks Redis until `stop` is cancelled, logs findings whenever they change, and with `RESEND_STRICT` allows or
    /// refuses jobs accordingly.
    pub async fn watch_redis(self, stop: CancellationToken) {
        let mut known = None;
        loop {
            // While Redis is unreachable no job is accepted anyway; the last result stands.
            if let Ok(found) = self.check_redis().await
                && known.as_ref() != Some(&found)
            {
                log(&found, self.core.durability.is_strict());
                known = Some(found);
            }
            if stop.run_until_cancelled(tokio::time::sleep(POLL_INTERVAL)).await.is_none() {
                return;
            }
        }
    }

    async fn check_redis(&self) -> Result<Vec<ConfigIssue>, RedisError> {
        let found = self.core.redis.config_issues().await?;
        let loses_jobs = found.iter().filter(|issue| issue.loses_jobs).count();
        self.core.durability.note(loses_jobs > 0);
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
