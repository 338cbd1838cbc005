//! Entries that Redis counts as this consumer's but that the consumer does not know: the reply of a read or of a
//! take-over was lost. They are run under the number they were delivered with; no delivery is counted for a run that
//! never began. A run that crashed here under that number did begin: its next run counts, and so do the messages of
//! both.

use super::deliveries::Deliveries;
use super::fetch::RawEntry;
use super::leased_job::LeasedJob;
use super::process::Consumer;
use crate::queue::error::QueueError;
use crate::queue::keys::GROUP;
use ::redis::Pipeline;
use tokio::sync::mpsc;

/// How many more own entries are requested than are held.
const BEYOND_HELD: usize = 128;

/// Entry, consumer, ms since it was delivered, delivery number.
pub(super) type Pending = (String, String, u64, u64);

/// An entry and its fields; deleted entries have none.
type Entry = (String, Option<Vec<Vec<u8>>>);

impl Consumer {
    /// Runs the entries that this consumer owns and does not work on.
    pub(super) async fn recover_own(&self, sender: &mpsc::Sender<LeasedJob>) -> Result<(), QueueError> {
        let taking = self.taking.lock().await;
        // An entry that is held now may have ended by the time of the reply.
        let before = self.leases.all();
        let mut pending = self.deliveries.own_pending(&self.name, before.len() + BEYOND_HELD).await?;
        let after = self.leases.all();
        pending.retain(|(entry, ..)| !before.iter().chain(&after).any(|held| held.entry == *entry));
        if pending.is_empty() {
            return Ok(());
        }
        let entries = self.deliveries.read_entries(pending).await?;
        tracing::warn!(entries = entries.len(), "replies of Redis were lost: the jobs in them are run now");
        let has_run = |entry: &RawEntry| self.leases.has_run(&entry.id, entry.number);
        let (again, mut entries): (Vec<_>, Vec<_>) = entries.into_iter().partition(has_run);
        entries.extend(self.begin(again).await?);
        let held = self.hold(entries).await;
        drop(taking);
        self.dispatch_all(held, sender).await;
        Ok(())
    }
}

impl Deliveries {
    /// The entries that Redis counts as this consumer's.
    pub(super) async fn own_pending(&self, consumer: &str, count: usize) -> Result<Vec<Pending>, QueueError> {
        let mut ask = ::redis::cmd("XPENDING");
        ask.arg(self.core.keys.stream()).arg(GROUP).arg("-").arg("+").arg(count).arg(consumer);
        Ok(self.core.redis.command(&ask).await?)
    }

    /// The entries of these deliveries that are still there.
    pub(super) async fn read_entries(&self, pending: Vec<Pending>) -> Result<Vec<RawEntry>, QueueError> {
        let stream = self.core.keys.stream();
        let mut read = Pipeline::with_capacity(pending.len());
        for (entry, ..) in &pending {
            read.cmd("XRANGE").arg(&stream).arg(entry).arg(entry);
        }
        let found: Vec<Vec<Entry>> = self.core.redis.pipeline(&read).await?;
        let found = pending.into_iter().zip(found).filter_map(|((.., number), mut entry)| {
            let (id, fields) = entry.pop()?;
            Some(RawEntry { id, number, fields: fields.unwrap_or_default() })
        });
        Ok(found.collect())
    }
}
