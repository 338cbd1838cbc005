//! What the prediction of a job's end rests on: the slots of all live workers, and the recent mean run, which *finish*
//! keeps. By Little's law a full fleet serves `slots / mean run` jobs a second, whatever bounds it.

use std::sync::Arc;
use std::time::Duration;

use crate::telemetry::metric;

use super::consumer::Consumer;
use super::enqueue::millis;
use super::{Partition, Queue, QueueError};

/// How often a worker says that it is alive.
const ANNOUNCED_EVERY: Duration = Duration::from_secs(1);

/// Silence after which its slots are no longer counted on.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(5);

impl Consumer {
    /// Announces until the stop is asked for, and then that it leaves.
    pub(super) async fn announce(self: Arc<Self>, partitions: Vec<Partition>) {
        loop {
            let leaving = self.stop.is_cancelled();
            for partition in &partitions {
                let workers = self.queue.say_alive(*partition, &self.name, self.concurrency, leaving).await;
                #[allow(clippy::cast_precision_loss)]
                if let Ok(workers) = workers {
                    metrics::gauge!(metric::WORKERS).set(workers as f64);
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

impl Queue {
    /// Says that a consumer with so many slots is alive; no slots: it is leaving. Answers how many workers live.
    async fn say_alive(
        &self,
        partition: Partition,
        consumer: &str,
        slots: usize,
        leaving: bool,
    ) -> Result<u64, QueueError> {
        let keys = &self.inner.keys;
        let mut call = self.inner.scripts.announce.prepare_invoke();
        call.key(keys.workers(partition)).key(keys.eta(partition));
        call.arg(format!("{consumer}|{slots}"))
            .arg(if leaving { 0 } else { slots })
            .arg(millis(FORGOTTEN_AFTER));
        Ok(self.inner.redis.script(&call).await?)
    }
}
