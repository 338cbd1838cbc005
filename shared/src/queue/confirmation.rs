//! Job ends that replicas have confirmed.

use super::core::Core;
use crate::domain::ids::JobId;

impl Core {
    /// Marks an end as confirmed by replicas, so that it can be shown even while no replica is connected.
    pub(super) async fn mark_confirmed(&self, id: &JobId) {
        let mut mark = self.scripts.mark_confirmed.prepare_invoke();
        let marked: Result<u64, _> = self.redis.script(mark.key(self.keys.job(id))).await;
        if let Err(error) = marked {
            tracing::debug!(job = %id, %error, "a confirmed end was not marked: whoever reads it asks replicas again");
        }
    }
}
