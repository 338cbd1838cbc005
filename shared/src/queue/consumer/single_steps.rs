//! The steps of a worker's loops, one at a time, for the explorer in `tests/model`, which decides itself what comes
//! next. A worker takes them in its loops only.

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
    /// What is in the sweeper's hands now; their runs have not begun, so that they have the numbers of before.
    pub deliveries: Vec<Delivery>,
    /// Entries that were set aside.
    pub aside: Vec<String>,
    /// Nothing was looked at: Redis' clock was set forward.
    pub clock_was_set: bool,
    /// Nothing was looked at: no worker was heard of a moment ago.
    pub is_unheard: bool,
}

impl Deliveries {
    /// Reads what waits, at most `count`; where nothing does it answers at once.
    pub async fn read_now(&self, consumer: &Arc<str>, count: usize) -> Result<Vec<Delivery>, QueueError> {
        let mut read = ::redis::cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(consumer.as_ref()).arg("COUNT").arg(count);
        read.arg("STREAMS").arg(self.core.keys.stream()).arg(">");
        let answer: Value = self.core.redis.command(&read).await?;
        decoded(&read_entries(answer)?, consumer)
    }

    /// What a consumer holds by Redis' account beside what it knows to be in its hands.
    pub async fn read_own(
        &self,
        consumer: &Arc<str>,
        held: &[Delivery],
    ) -> Result<Vec<Delivery>, QueueError> {
        let mut pending = self.own_pending(consumer, held.len() + 128).await?;
        pending.retain(|(entry, ..)| !held.iter().any(|held| held.entry == *entry));
        decoded(&self.read_entries(pending).await?, consumer)
    }

    /// Renews these leases; answers the entries of those that are lost.
    pub async fn renew_once(&self, consumer: &str, held: &[Delivery]) -> Result<Vec<String>, QueueError> {
        self.renew_batch(consumer, held).await
    }

    /// Takes over, once, at most `count`.
    pub async fn take_over(&self, sweeper: &Sweeper, count: usize) -> Result<TakenOver, QueueError> {
        let reclaimed = self.reclaim(sweeper, "0-0", count).await?;
        Ok(TakenOver {
            deliveries: decoded(&reclaimed.taken, &sweeper.consumer)?,
            aside: reclaimed.aside,
            clock_was_set: reclaimed.hold == Hold::ClockWasSet,
            is_unheard: reclaimed.hold == Hold::Unheard,
        })
    }

    /// Counts the runs of these deliveries that were taken over; answers those that are still the consumer's.
    pub async fn begin_once(&self, taken: Vec<Delivery>) -> Result<Vec<Delivery>, QueueError> {
        let Some(consumer) = taken.first().map(|delivery| delivery.consumer.clone()) else {
            return Ok(taken);
        };
        let entries = taken.iter().map(|delivery| (delivery.entry.as_str(), delivery.number));
        let begun = self.begin(&consumer, entries).await?;
        let ours = taken.into_iter().filter(|delivery| begun.contains(&delivery.entry));
        Ok(ours.map(|delivery| Delivery { number: delivery.number + 1, ..delivery }).collect())
    }

    /// Says that a worker of one slot lives.
    pub async fn announce_once(&self, consumer: &str) -> Result<(), QueueError> {
        self.announce(consumer, 1, Capacity::default(), false).await.map(drop)
    }

    /// Looks once whether the queue is paused.
    pub async fn look_once(&self) -> Result<bool, QueueError> {
        Ok(self.look().await?.0)
    }

    /// Moves what is due into the stream, once.
    pub async fn promote_once(&self) -> Result<(), QueueError> {
        self.promote_due().await.map(drop)
    }

    /// Looks once for live jobs that no other step would ever touch again.
    pub async fn audit_once(&self) -> Result<(), QueueError> {
        self.audit().await
    }

    /// Ends a lease now, as the crash of a run does.
    pub async fn crash(&self, delivery: &Delivery) -> Result<(), QueueError> {
        self.expire_lease(delivery).await
    }
}

fn decoded(entries: &[RawEntry], consumer: &Arc<str>) -> Result<Vec<Delivery>, QueueError> {
    let read = entries.iter().map(|entry| entry.decode(consumer));
    read.collect::<Result<_, _>>().map_err(|_| QueueError::Corrupt("an entry of the stream"))
}
