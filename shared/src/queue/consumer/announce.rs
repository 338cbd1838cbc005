//! Announcing a worker: that it is alive, its slots, and the rate of its channels; and what it reads once a second.

use std::sync::Arc;

use crate::domain::clock::millis;
use crate::queue::error::QueueError;
use crate::queue::eta::{ANNOUNCED_EVERY, FORGOTTEN_AFTER};
use crate::queue::send_capacity::Capacity;
use crate::redis::RedisError;
use crate::telemetry::LogThrottle;

use super::deliveries::Deliveries;
use super::process::Consumer;

impl Consumer {
    /// Announces the worker until it is told to stop, then announces that it leaves.
    pub(super) async fn announce(self: Arc<Self>) {
        loop {
            let leaving = self.stop.is_cancelled();
            self.look().await;
            if leaving {
                // A leaving worker's lease is forgotten too. If others use a shorter one, its last jobs must still not
                // look silent.
                let _ = self.deliveries.renew(&self.name, &self.leases).await;
            }
            let said =
                self.deliveries.announce(&self.name, self.concurrency, self.capacity.get(), leaving).await;
            match said {
                Ok(true) => {}
                Ok(false) => {
                    tracing::warn!(
                        "no worker announced itself lately: no job is taken over for half a lease"
                    );
                }
                Err(error) => {
                    self.note_disturbance();
                    note_unannounced(&error);
                }
            }
            // A leaving worker announces that once, and then nothing more.
            if leaving {
                return;
            }
            let _ = self.stop.run_until_cancelled(tokio::time::sleep(ANNOUNCED_EVERY)).await;
        }
    }
}

impl Consumer {
    /// Reads what every worker needs: whether the queue is paused, and Redis' clock. Separate from the announcement, a
    /// write that Redis may refuse. While there is no answer, the last known values stand.
    async fn look(&self) {
        let looked = self.deliveries.look().await;
        if let Ok((_, now_ms)) = looked
            && self.clock.note(now_ms)
        {
            self.note_clock_set();
        }
        self.intake.note_looked(looked.map(|(paused, _)| paused).map_err(|error| error.to_string().into()));
    }
}

/// The connection layer logs that Redis is away.
fn note_unannounced(error: &QueueError) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let QueueError::Redis(RedisError::Refused(error)) = error
        && let Some(suppressed) = THROTTLE.allow()
    {
        tracing::warn!(%error, suppressed, "Redis refused this worker's announcement");
    }
}

impl Deliveries {
    /// Whether the queue is paused, and Redis' clock.
    pub(super) async fn look(&self) -> Result<(bool, u64), RedisError> {
        let mut call = self.core.scripts.look.prepare_invoke();
        self.core.redis.script(call.key(self.core.keys.paused())).await
    }

    /// Announces that a consumer is alive, or that it is leaving. `false`: no worker was heard for a while, so Redis
    /// was away, its clock was set forward, or there was no worker.
    pub(super) async fn announce(
        &self,
        consumer: &str,
        slots: usize,
        capacity: Capacity,
        leaving: bool,
    ) -> Result<bool, QueueError> {
        let (keys, lease) = (&self.core.keys, millis(self.core.config.lease));
        let mut call = self.core.scripts.announce.prepare_invoke();
        call.key(keys.workers()).key(keys.eta());
        call.arg(format!("{consumer}|{slots}|{lease}"))
            .arg(if leaving { 0 } else { slots })
            .arg(millis(FORGOTTEN_AFTER))
            .arg(capacity.per_second.map(|rate| rate.to_string()).unwrap_or_default())
            .arg(u8::from(capacity.is_closed));
        // Confirmed by replicas, so that even an idle worker notices that its master was replaced.
        let announced: u64 = self.core.redis.script_confirmed(&call).await?;
        Ok(announced == 1)
    }
}
