//! The auditor: finds jobs that no other step would ever touch again, so that every accepted job ends. Our scripts
//! never leave such a job behind, but a manual change in Redis, or a fail-over that lost the last writes, may.

use std::time::Duration;

use super::deliveries::Deliveries;
use crate::domain::clock::millis;
use crate::domain::message::VERSION;
use crate::domain::outcome::{Outcome, Refusal};
use crate::queue::error::QueueError;
use crate::queue::keys::GROUP;

/// One worker of the fleet audits one batch per interval.
const AUDIT_INTERVAL: Duration = Duration::from_secs(4);

/// Live jobs checked in one batch.
const LOOKED_AT: u32 = 200;

/// A consumer that is no longer announced and idle for this long counts as gone. A live one reads every second.
const GONE_AFTER: Duration = Duration::from_mins(1);

/// Consumers removed in one call.
const REMOVED_AT_ONCE: u32 = 100;

impl Deliveries {
    /// Audits a batch, unless a worker of the fleet did so within `AUDIT_INTERVAL`.
    pub(super) async fn audit(&self) -> Result<(), QueueError> {
        let (keys, given_up) = (&self.core.keys, Outcome::Refused(Refusal::Quarantined));
        let result = given_up.result().map_err(|_| QueueError::Corrupt("an outcome is always JSON"))?;
        let mut call = self.core.scripts.audit.prepare_invoke();
        call.key(keys.stream())
            .key(keys.scheduled())
            .key(keys.live())
            .key(keys.audit_cursor())
            .key(keys.audit_lock())
            .key(keys.counts())
            .key(keys.failures());
        call.arg(millis(AUDIT_INTERVAL))
            .arg(LOOKED_AT)
            .arg(keys.job_prefix())
            .arg(VERSION)
            .arg(given_up.status_code())
            .arg(given_up.reason())
            .arg(result)
            .arg(millis(self.core.config.retention))
            .arg(keys.ended());
        let (freed, restored, ended): (u32, u32, u32) = self.core.redis.script(&call).await?;
        if freed + restored + ended > 0 {
            tracing::warn!(freed, restored, ended, "audit: live jobs were found without record or entry");
        }
        Ok(())
    }

    /// Removes consumers that are gone and hold nothing.
    pub(super) async fn remove_dead_consumers(&self) -> Result<(), QueueError> {
        let keys = &self.core.keys;
        let mut call = self.core.scripts.remove_dead_consumers.prepare_invoke();
        call.key(keys.stream()).key(keys.workers());
        call.arg(GROUP).arg(millis(GONE_AFTER.max(self.core.config.lease * 2))).arg(REMOVED_AT_ONCE);
        let _removed: u32 = self.core.redis.script(&call).await?;
        Ok(())
    }
}
