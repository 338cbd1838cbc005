//! Whoever starts compares its settings with those of the workers that are there.

use super::role::Operator;
use crate::queue::error::QueueError;
use crate::settings::{FleetSettings, SettingDifference};

impl Operator {
    /// Logs in which settings the living workers differ from this program, with the way to change each. Answers one that
    /// programs must not differ in, where there is any.
    pub async fn compare_settings(
        &self,
        own: &FleetSettings,
    ) -> Result<Option<SettingDifference>, QueueError> {
        let (mut known, mut refused) = (Vec::new(), None);
        for (worker, report) in self.upstream_reports().await? {
            for difference in own.differences(&report.settings) {
                if known.contains(&difference) {
                    continue;
                }
                tracing::warn!(
                    setting = difference.name,
                    own = difference.own,
                    other = difference.other,
                    worker,
                    advice = difference.advice(),
                    "a setting differs within the fleet"
                );
                refused = refused.or_else(|| difference.is_refused().then(|| difference.clone()));
                known.push(difference);
            }
        }
        Ok(refused)
    }
}
