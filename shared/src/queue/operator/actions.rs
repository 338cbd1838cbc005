//! An operator's actions on the queue. Each is one script, or one command, and is safe while workers run.

use ::redis::Script;

use super::quarantine::QuarantineId;
use super::role::Operator;
use crate::domain::clock::millis;
use crate::domain::ids::JobId;
use crate::domain::outcome::{Outcome, Refusal};
use crate::queue::error::QueueError;
use crate::queue::keys::GROUP;

/// Entries purged in one call.
const PURGED_AT_ONCE: usize = 500;

/// The result of *cancel*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// The job ended; no message goes out for it.
    Done,
    /// It had ended before.
    Ended,
    /// Its send has begun: a message may be out, and the job ends by itself.
    SendBegun,
    /// There is no such job (any more).
    Unknown,
}

/// The result of *retry now*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetriedNow {
    /// It was scheduled for later, and is ready now.
    Ready,
    /// It is not scheduled: it is ready or running already.
    Waiting,
    /// It has ended, and an ended job never changes: the client may have read its end.
    Ended,
    /// There is no such job (any more).
    Unknown,
}

/// The result of taking an entry out of the quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restored {
    /// It is back in the stream.
    Back(JobId),
    /// Its job has ended, and an ended job never changes.
    Ended(JobId),
    /// Its job is in the queue already.
    Waiting(JobId),
    /// It holds no job of ours, or the job's record has expired: no client waits for it.
    Orphan,
    /// There is no such entry.
    Unknown,
}

impl Operator {
    /// Makes the workers take nothing new; running jobs go on. They notice within two seconds. `false`: it was paused
    /// already. Confirmed by replicas, like everything an operator is told was done, so that a fail-over does not undo
    /// it.
    pub async fn pause(&self) -> Result<bool, QueueError> {
        self.set_pause(&self.core.scripts.pause).await
    }

    /// Lets the workers take jobs again, even when memory is full. `false`: it was not paused.
    pub async fn resume(&self) -> Result<bool, QueueError> {
        self.set_pause(&self.core.scripts.resume).await
    }

    async fn set_pause(&self, script: &Script) -> Result<bool, QueueError> {
        let mut call = script.prepare_invoke();
        let changed: u64 = self.core.redis.script_confirmed(call.key(self.core.keys.paused())).await?;
        Ok(changed == 1)
    }

    /// Ends a live job as failed, unless its send has begun.
    pub async fn cancel(&self, job: &JobId) -> Result<Cancelled, QueueError> {
        let (keys, end) = (&self.core.keys, Outcome::Refused(Refusal::Cancelled));
        let result = end.result().map_err(|_| QueueError::Corrupt("an outcome is always JSON"))?;
        let mut call = self.core.scripts.cancel.prepare_invoke();
        call.key(keys.stream())
            .key(keys.job(job))
            .key(keys.live())
            .key(keys.scheduled())
            .key(keys.counts())
            .key(keys.failures());
        call.arg(GROUP)
            .arg(job.as_str())
            .arg(end.status_code())
            .arg(end.reason())
            .arg(result)
            .arg(millis(self.core.config.retention))
            .arg(keys.ended());
        match self.core.redis.script_confirmed::<String>(&call).await?.as_str() {
            "cancelled" => Ok(Cancelled::Done),
            "ended" => Ok(Cancelled::Ended),
            "begun" => Ok(Cancelled::SendBegun),
            "unknown" => Ok(Cancelled::Unknown),
            _ => Err(QueueError::Corrupt("the answer of cancel")),
        }
    }

    /// Makes a scheduled job ready now.
    pub async fn retry_now(&self, job: &JobId) -> Result<RetriedNow, QueueError> {
        let keys = &self.core.keys;
        let mut call = self.core.scripts.retry_now.prepare_invoke();
        call.key(keys.stream()).key(keys.job(job)).key(keys.scheduled()).key(keys.eta());
        call.arg(job.as_str());
        match self.core.redis.script::<String>(&call).await?.as_str() {
            "retried" => Ok(RetriedNow::Ready),
            "waiting" => Ok(RetriedNow::Waiting),
            "ended" => Ok(RetriedNow::Ended),
            "unknown" => Ok(RetriedNow::Unknown),
            _ => Err(QueueError::Corrupt("the answer of retry_now")),
        }
    }

    /// Returns a quarantined entry to the stream, if its job still exists and has not ended.
    pub async fn restore(&self, id: &QuarantineId) -> Result<Restored, QueueError> {
        let keys = &self.core.keys;
        let mut call = self.core.scripts.unquarantine.prepare_invoke();
        call.key(keys.stream()).key(keys.quarantine());
        call.arg(&id.0).arg(keys.job_prefix());
        let (word, job): (String, String) = self.core.redis.script(&call).await?;
        let job = || job.parse().map_err(|_| QueueError::Corrupt("a job id"));
        match word.as_str() {
            "back" => Ok(Restored::Back(job()?)),
            "ended" => Ok(Restored::Ended(job()?)),
            "waiting" => Ok(Restored::Waiting(job()?)),
            "orphan" => Ok(Restored::Orphan),
            "unknown" => Ok(Restored::Unknown),
            _ => Err(QueueError::Corrupt("the answer of unquarantine")),
        }
    }

    /// Deletes quarantined entries; returns how many.
    pub async fn purge(&self, ids: &[QuarantineId]) -> Result<u64, QueueError> {
        let mut purged = 0;
        for batch in ids.chunks(PURGED_AT_ONCE) {
            let mut delete = ::redis::cmd("XDEL");
            delete.arg(self.core.keys.quarantine());
            for id in batch {
                delete.arg(&id.0);
            }
            purged += self.core.redis.command::<u64>(&delete).await?;
        }
        Ok(purged)
    }
}
