//! *Begin*: what was taken over counts as delivered from here on, and not before. A worker that dies between its take-over and
//! this, or never hears of it, has run nothing. What was read for the first time is counted by Redis as it is read.

use super::fetch::RawEntry;
use super::process::Consumer;
use crate::queue::error::QueueError;
use crate::queue::keys::GROUP;
use crate::runtime::fail_point;

impl Consumer {
    /// Counts these deliveries; answers those that are still this worker's, with their numbers.
    pub(super) async fn begin(&self, taken: Vec<RawEntry>) -> Result<Vec<RawEntry>, QueueError> {
        if taken.is_empty() {
            return Ok(taken);
        }
        fail_point::hit_any(fail_point::AFTER_TAKE_OVER).await;
        let mut call = self.deliveries.core.scripts.begin.prepare_invoke();
        call.key(self.deliveries.core.keys.stream()).arg(GROUP).arg(self.name.as_ref());
        for entry in &taken {
            call.arg(&entry.id).arg(entry.number);
        }
        let begun: Vec<String> = self.deliveries.core.redis.script(&call).await?;
        let ours = taken.into_iter().filter(|entry| begun.contains(&entry.id));
        Ok(ours.map(|entry| RawEntry { number: entry.number + 1, ..entry }).collect())
    }
}
