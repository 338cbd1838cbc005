//! Announcing a worker: that it lives, its slots and what its channels can take; and what it reads once a second.

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
    /// Announces until the stop is asked for, and then that it leaves.
    pub(super) async fn announce(self: Arc<Self>) {
        loop {
            let leaving = self.stop.is_cancelled();
            self.look().await;
            if leaving {
                // Its lease is forgotten with it: what it still works on must not look silent by a shorter one.
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
        let looked = self.deliveries.look().await;
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
        tracing::warn!(%error, suppressed, "Redis refused this worker's announcement");
    }
}

impl Deliveries {
    /// Whether the queue is paused, and Redis' clock.
    pub(super) async fn look(&self) -> Result<(bool, u64), RedisError> {
        let mut call = self.core.scripts.look.prepare_invoke();
        self.core.redis.script(call.key(self.core.keys.paused())).await
    }

    /// Says that a consumer is alive, or that it is leaving. `false`: no worker was heard of for a while, so Redis was away, its
    /// clock was set forward, or there was none.
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
        // Confirmed, so that an idle worker, too, notices that it talks to a master that was replaced.
        let announced: u64 = self.core.redis.script_confirmed(&call).await?;
        Ok(announced == 1)
    }
}
