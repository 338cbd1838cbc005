//! What the prediction of a job's end rests on: the slots of all live workers, and the recent mean run, which *finish*
//! and *retry later* keep. By Little's law a full fleet serves `slots / mean run` jobs a second, whatever bounds it. What
//! an outage of Redis does to either is kept out: runs it fell into are not counted, and workers it silenced not dropped.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::clock::millis;
use crate::redis::RedisError;
use crate::telemetry::LogThrottle;

use super::consumer::Consumer;
use super::{Queue, QueueError};

/// How often a worker says that it is alive.
pub(super) const ANNOUNCED_EVERY: Duration = Duration::from_secs(1);

/// Silence after which its slots are no longer counted on.
pub(super) const FORGOTTEN_AFTER: Duration = Duration::from_secs(5);

impl Consumer {
    /// Announces until the stop is asked for, and then that it leaves.
    pub(super) async fn announce(self: Arc<Self>) {
        loop {
            let leaving = self.stop.is_cancelled();
            self.look().await;
            if let Err(error) = self.queue.announce(&self, leaving).await {
                self.note_disturbance();
                note_unannounced(&error);
            }
            // A leaving worker says so once; then there is nothing left to announce.
            if leaving {
                return;
            }
            let _ = self.stop.run_until_cancelled(tokio::time::sleep(ANNOUNCED_EVERY)).await;
        }
    }
}

impl Consumer {
    /// Reads what concerns every worker: whether the queue is paused, and Redis' clock. Apart from what is written, which
    /// Redis may refuse. While it does not answer, what was read before stands.
    async fn look(&self) {
        let mut call = self.queue.inner.scripts.look.prepare_invoke();
        call.key(self.queue.inner.keys.paused());
        let looked: Result<(bool, u64), _> = self.queue.inner.redis.script(&call).await;
        if let Ok((_, now_ms)) = looked
            && self.clock.note(now_ms)
        {
            self.note_clock_set();
        }
        self.intake.note_looked(looked.map(|(paused, _)| paused).map_err(|error| error.to_string().into()));
    }
}

/// Redis being away is logged where the connection is kept.
fn note_unannounced(error: &QueueError) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let QueueError::Redis(RedisError::Refused(error)) = error
        && let Some(suppressed) = THROTTLE.allow()
    {
        tracing::warn!(%error, suppressed, "redis refused this worker's announcement");
    }
}

impl Queue {
    /// Says that a consumer is alive, or that it is leaving.
    async fn announce(&self, consumer: &Consumer, leaving: bool) -> Result<(), QueueError> {
        let keys = &self.inner.keys;
        let (slots, lease) = (consumer.concurrency, millis(self.inner.config.lease));
        let capacity = consumer.capacity.get();
        let mut call = self.inner.scripts.announce.prepare_invoke();
        call.key(keys.workers()).key(keys.eta());
        call.arg(format!("{}|{slots}|{lease}", consumer.name))
            .arg(if leaving { 0 } else { slots })
            .arg(millis(FORGOTTEN_AFTER))
            .arg(capacity.per_second.map(|rate| rate.to_string()).unwrap_or_default())
            .arg(u8::from(capacity.is_closed));
        // Confirmed, so that an idle worker, too, notices that it talks to a master that was replaced.
        let _announced: u64 = self.inner.redis.script_confirmed(&call).await?;
        Ok(())
    }
}

/// A prediction that can still come true. One that has passed is moved by 1, 2, 4 … s, to the first time ahead: a job
/// that is late is taken to be as late again, and a client that polls sees one and the same time for a while.
/// Milliseconds since the epoch.
pub fn still_ahead(eta_ms: u64, now_ms: u64) -> u64 {
    match now_ms.checked_sub(eta_ms) {
        None => eta_ms,
        Some(late) => eta_ms + (late / 1_000 + 1).next_power_of_two() * 1_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prediction_that_has_passed_is_moved_ahead_and_stays_there_for_a_while() {
        for (late, moved) in [(0, 1), (999, 1), (1_000, 2), (1_999, 2), (2_000, 4), (3_999, 4), (4_000, 8)] {
            assert_eq!(still_ahead(100_000, 100_000 + late), 100_000 + moved * 1_000, "{late} ms late");
        }
        assert_eq!(still_ahead(100_000, 99_999), 100_000);
        assert!(still_ahead(0, u64::from(u32::MAX) * 1_000) > u64::from(u32::MAX) * 1_000);
    }
}
