//! *Begin*: a take-over counts as a delivery only from here on. A worker that dies between its take-over and this step,
//! or never receives the reply, has run nothing. Redis itself counts first reads.

use super::deliveries::Deliveries;
use super::fetch::RawEntry;
use super::process::Consumer;
use crate::queue::error::QueueError;
use crate::queue::keys::GROUP;
use crate::runtime::fail_point;

impl Consumer {
    /// Counts these deliveries; returns those that this worker still owns, with their numbers.
    pub(super) async fn begin(&self, taken: Vec<RawEntry>) -> Result<Vec<RawEntry>, QueueError> {
        if taken.is_empty() {
            return Ok(taken);
        }
        fail_point::hit_any(fail_point::AFTER_TAKE_OVER).await;
        let entries = taken.iter().map(|entry| (entry.id.as_str(), entry.number));
        let begun = self.deliveries.begin(&self.name, entries).await?;
        let ours = taken.into_iter().filter(|entry| begun.contains(&entry.id));
        Ok(ours.map(|entry| RawEntry { number: entry.number + 1, ..entry }).collect())
    }
}

impl Deliveries {
    /// Counts the runs of these entries, each with its number; returns the entries that the consumer still owns.
    pub(super) async fn begin<'a>(
        &self,
        consumer: &str,
        entries: impl Iterator<Item = (&'a str, u64)>,
    ) -> Result<Vec<String>, QueueError> {
        let mut call = self.core.scripts.begin.prepare_invoke();
        call.key(self.core.keys.stream()).arg(GROUP).arg(consumer);
        entries.for_each(|(entry, number)| _ = call.arg(entry).arg(number));
        Ok(self.core.redis.script(&call).await?)
    }
}
