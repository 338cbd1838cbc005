//! What a consumer holds by Redis' account and does not know of: the reply of a read, or of a take-over, was lost. It is run
//! under the number it was delivered with; no delivery is counted for a run that never began.

use super::fetch::RawEntry;
use super::leased_job::LeasedJob;
use super::process::Consumer;
use crate::queue::error::QueueError;
use crate::queue::keys::GROUP;
use ::redis::Pipeline;
use tokio::sync::mpsc;

/// Own entries looked at in one call, beyond those in hand.
const BEYOND_HELD: usize = 128;

/// Entry, consumer, ms since it was delivered, delivery number.
type Pending = (String, String, u64, u64);

/// An entry and its fields; deleted entries have none.
type Entry = (String, Option<Vec<Vec<u8>>>);

impl Consumer {
    /// Runs what this consumer holds and does not work on.
    pub(super) async fn recover_own(&self, sender: &mpsc::Sender<LeasedJob>) -> Result<(), QueueError> {
        // What is in hand now may have ended by the time the answer is there.
        let before = self.leases.all();
        let mut pending = self.own_pending(before.len() + BEYOND_HELD).await?;
        let after = self.leases.all();
        pending.retain(|(entry, ..)| !before.iter().chain(&after).any(|held| held.entry == *entry));
        if pending.is_empty() {
            return Ok(());
        }
        let entries = self.read_entries(pending).await?;
        tracing::warn!(entries = entries.len(), "replies of Redis were lost: their entries are run now");
        self.deliver(entries, sender).await;
        Ok(())
    }

    async fn own_pending(&self, count: usize) -> Result<Vec<Pending>, QueueError> {
        let mut ask = ::redis::cmd("XPENDING");
        ask.arg(self.deliveries.core.keys.stream())
            .arg(GROUP)
            .arg("-")
            .arg("+")
            .arg(count)
            .arg(self.name.as_ref());
        Ok(self.deliveries.core.redis.command(&ask).await?)
    }

    async fn read_entries(&self, pending: Vec<Pending>) -> Result<Vec<RawEntry>, QueueError> {
        let stream = self.deliveries.core.keys.stream();
        let mut read = Pipeline::with_capacity(pending.len());
        for (entry, ..) in &pending {
            read.cmd("XRANGE").arg(&stream).arg(entry).arg(entry);
        }
        let found: Vec<Vec<Entry>> = self.deliveries.core.redis.pipeline(&read).await?;
        let found = pending.into_iter().zip(found).filter_map(|((.., number), mut entry)| {
            let (id, fields) = entry.pop()?;
            Some(RawEntry { id, number, fields: fields.unwrap_or_default() })
        });
        Ok(found.collect())
    }
}
