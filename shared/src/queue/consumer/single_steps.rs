//! The steps of a worker's loops, one at a time, for the explorer in `tests/model`, which chooses the next step itself.
//! A worker takes them only in its loops.

use std::sync::Arc;

use ::redis::Value;

use super::deliveries::Deliveries;
use super::fetch::{RawEntry, read_entries};
use super::reclaim::{Hold, Sweeper};
use crate::queue::delivery::Delivery;
use crate::queue::error::QueueError;
use crate::queue::keys::GROUP;
use crate::queue::send_capacity::Capacity;

/// The result of one sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenOver {
    /// What the sweeper took over; these runs have not begun, so they have the numbers from before.
    pub deliveries: Vec<Delivery>,
    /// Entries that were quarantined.
    pub aside: Vec<String>,
    /// Nothing was checked: Redis' clock was set forward.
    pub clock_was_set: bool,
    /// Nothing was checked: no worker was heard a moment ago.
    pub is_unheard: bool,
}

impl Deliveries {
    /// Reads at most `count` waiting entries; returns at once if there are none.
    pub async fn read_now(&self, consumer: &Arc<str>, count: usize) -> Result<Vec<Delivery>, QueueError> {
        let mut read = ::redis::cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(consumer.as_ref()).arg("COUNT").arg(count);
        read.arg("STREAMS").arg(self.core.keys.stream()).arg(">");
        let answer: Value = self.core.redis.command(&read).await?;
        decoded(&read_entries(answer)?, consumer)
    }

    /// What Redis counts as the consumer's, beyond what the consumer knows that it holds.
    pub async fn read_own(
        &self,
        consumer: &Arc<str>,
        held: &[Delivery],
    ) -> Result<Vec<Delivery>, QueueError> {
        let mut pending = self.own_pending(consumer, held.len() + 128).await?;
        pending.retain(|(entry, ..)| !held.iter().any(|held| held.entry == *entry));
        decoded(&self.read_entries(pending).await?, consumer)
    }

    /// Renews these leases; returns the entries whose lease is lost.
    pub async fn renew_once(&self, consumer: &str, held: &[Delivery]) -> Result<Vec<String>, QueueError> {
        self.renew_batch(consumer, held).await
    }

    /// Takes over at most `count`, once.
    pub async fn take_over(&self, sweeper: &Sweeper, count: usize) -> Result<TakenOver, QueueError> {
        let reclaimed = self.reclaim(sweeper, "0-0", count).await?;
        Ok(TakenOver {
            deliveries: decoded(&reclaimed.taken, &sweeper.consumer)?,
            aside: reclaimed.aside,
            clock_was_set: reclaimed.hold == Hold::ClockWasSet,
            is_unheard: reclaimed.hold == Hold::Unheard,
        })
    }

    /// Counts the runs of these deliveries that were taken over; returns those that the consumer still owns.
    pub async fn begin_once(&self, taken: Vec<Delivery>) -> Result<Vec<Delivery>, QueueError> {
        let Some(consumer) = taken.first().map(|delivery| delivery.consumer.clone()) else {
            return Ok(taken);
        };
        let entries = taken.iter().map(|delivery| (delivery.entry.as_str(), delivery.number));
        let begun = self.begin(&consumer, entries).await?;
        let ours = taken.into_iter().filter(|delivery| begun.contains(&delivery.entry));
        Ok(ours.map(|delivery| Delivery { number: delivery.number + 1, ..delivery }).collect())
    }

    /// Announces a live worker with one slot.
    pub async fn announce_once(&self, consumer: &str) -> Result<(), QueueError> {
        self.announce(consumer, 1, Capacity::default(), false).await.map(drop)
    }

    /// Checks once whether the queue is paused.
    pub async fn look_once(&self) -> Result<bool, QueueError> {
        Ok(self.look().await?.0)
    }

    /// Moves due messages into the stream, once.
    pub async fn promote_once(&self) -> Result<(), QueueError> {
        self.promote_due().await.map(drop)
    }

    /// Checks once for live jobs that no other step would ever touch again.
    pub async fn audit_once(&self) -> Result<(), QueueError> {
        self.audit().await
    }

    /// Ends a lease now, as a crash of the run does.
    pub async fn crash(&self, delivery: &Delivery) -> Result<(), QueueError> {
        self.expire_lease(delivery).await
    }
}

fn decoded(entries: &[RawEntry], consumer: &Arc<str>) -> Result<Vec<Delivery>, QueueError> {
    let read = entries.iter().map(|entry| entry.decode(consumer));
    read.collect::<Result<_, _>>().map_err(|_| QueueError::Corrupt("an entry of the stream"))
}
