//! *Retry later*, *release*, and the promotion of due messages.

use std::sync::Arc;
use std::time::Duration;

use super::deliveries::Deliveries;
use super::finish::counted;
use super::process::Consumer;
use super::send::MAX_OPEN;
use crate::domain::clock::millis;
use crate::queue::delivery::Delivery;
use crate::queue::error::QueueError;

/// Longest wait before the schedule is checked again: a job scheduled by another worker may be due before the one this
/// worker knows of.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(500);

/// Messages promoted in one call.
const PROMOTED_AT_ONCE: u32 = 200;

/// The result of *retry later*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutBack {
    /// It will be tried again.
    Scheduled,
    /// The next try would come after the deadline, or no send is left; nothing was changed, and the caller ends the
    /// job.
    Late,
    /// The delivery belongs to another worker now, or the job ended.
    Lost,
}

/// The result of a promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Promoted {
    /// A full batch was due: there may be more.
    pub(super) full: bool,
    /// How long until the next is due; `None` where nothing is scheduled.
    pub(super) next: Option<Duration>,
}

impl Consumer {
    /// Promotes until told to stop.
    pub(super) async fn promote(self: Arc<Self>) {
        let mut pause = Duration::ZERO;
        while self.rest(pause).await {
            pause = LOOKED_AT_EVERY;
            match self.deliveries.promote_due().await {
                Ok(promoted) if promoted.full => pause = Duration::ZERO,
                Ok(promoted) => pause = pause.min(promoted.next.unwrap_or(pause)),
                // It tries again after the pause; the connection layer logs that Redis is away.
                Err(_) => {}
            }
        }
    }
}

impl Deliveries {
    /// Schedules the job to be tried again after `after`. `run` as for a finish.
    pub async fn retry_later(
        &self,
        delivery: &Delivery,
        after: Duration,
        run: impl Into<Option<Duration>>,
        cause: &str,
    ) -> Result<PutBack, QueueError> {
        let keys = &self.core.keys;
        let mut call = self.core.scripts.retry_later.prepare_invoke();
        call.key(keys.stream()).key(keys.job(&delivery.message.job)).key(keys.scheduled()).key(keys.eta());
        delivery
            .fence(&mut call)
            .arg(delivery.encoded()?)
            .arg(millis(after))
            .arg(counted(run.into()))
            .arg(MAX_OPEN)
            .arg(cause);
        let word: String = self.core.redis.script_confirmed(&call).await?;
        Ok(match word.as_str() {
            "scheduled" => PutBack::Scheduled,
            "late" => PutBack::Late,
            "lost" => PutBack::Lost,
            _ => return Err(QueueError::Corrupt("the answer of retry_later")),
        })
    }

    /// Releases the delivery untouched, for any worker to take at once. `false`: it was not ours any more.
    pub async fn release(&self, delivery: &Delivery) -> Result<bool, QueueError> {
        let keys = &self.core.keys;
        let mut call = self.core.scripts.release.prepare_invoke();
        call.key(keys.stream()).key(keys.job(&delivery.message.job)).key(keys.scheduled()).key(keys.eta());
        delivery.fence(&mut call).arg(delivery.encoded()?);
        let word: String = self.core.redis.script(&call).await?;
        Ok(word == "returned")
    }

    /// Moves one batch of due messages into the stream.
    pub(super) async fn promote_due(&self) -> Result<Promoted, QueueError> {
        let keys = &self.core.keys;
        let mut call = self.core.scripts.promote.prepare_invoke();
        call.key(keys.stream()).key(keys.scheduled());
        call.arg(PROMOTED_AT_ONCE).arg(keys.job_prefix()).arg(millis(self.core.config.deadline));
        let (due, next_ms): (u32, i64) = self.core.redis.script(&call).await?;
        let next = u64::try_from(next_ms).ok().map(Duration::from_millis);
        Ok(Promoted { full: due >= PROMOTED_AT_ONCE, next })
    }
}
