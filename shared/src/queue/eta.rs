//! What the prediction of a job's end rests on: the slots of all live workers, and the recent mean run, which *finish*
//! keeps. By Little's law a full fleet serves `slots / mean run` jobs a second, whatever bounds it.

use std::sync::Arc;
use std::time::Duration;

use super::consumer::Consumer;
use super::enqueue::millis;
use super::{Partition, Queue, QueueError};

/// How often a worker says that it is alive.
const ANNOUNCED_EVERY: Duration = Duration::from_secs(1);

/// Silence after which its slots are no longer counted on.
pub(super) const FORGOTTEN_AFTER: Duration = Duration::from_secs(5);

impl Consumer {
    /// Announces until the stop is asked for, and then that it leaves.
    pub(super) async fn announce(self: Arc<Self>, partitions: Vec<Partition>) {
        loop {
            let leaving = self.stop.is_cancelled();
            // While Redis is away what was told before stands.
            if let Ok(paused) = self.say_alive_everywhere(&partitions, leaving).await {
                self.pause.note(paused);
            }
            // A leaving worker says so once; then there is nothing left to announce.
            if leaving {
                return;
            }
            let _ = self.stop.run_until_cancelled(tokio::time::sleep(ANNOUNCED_EVERY)).await;
        }
    }

    /// Answers whether any partition is paused.
    async fn say_alive_everywhere(
        &self,
        partitions: &[Partition],
        leaving: bool,
    ) -> Result<bool, QueueError> {
        let mut told = Ok(false);
        for partition in partitions {
            let paused = self.queue.say_alive(*partition, &self.name, self.concurrency, leaving).await;
            told = told.and_then(|before| Ok(paused? || before));
        }
        told
    }
}

impl Queue {
    /// Says that a consumer with so many slots is alive; no slots: it is leaving. Answers whether the queue
    /// is paused.
    async fn say_alive(
        &self,
        partition: Partition,
        consumer: &str,
        slots: usize,
        leaving: bool,
    ) -> Result<bool, QueueError> {
        let keys = &self.inner.keys;
        let mut call = self.inner.scripts.announce.prepare_invoke();
        call.key(keys.workers(partition)).key(keys.eta(partition)).key(keys.paused(partition));
        call.arg(format!("{consumer}|{slots}"))
            .arg(if leaving { 0 } else { slots })
            .arg(millis(FORGOTTEN_AFTER));
        Ok(self.inner.redis.script(&call).await?)
    }
}
