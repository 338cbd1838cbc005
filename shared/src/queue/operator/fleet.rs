//! At its start, a program compares its settings with those of the live workers.

use super::role::Operator;
use crate::queue::error::QueueError;
use crate::settings::{FleetSettings, SettingDifference};

impl Operator {
    /// Logs which settings of the live workers differ from this program's, with the way to change each. Returns one
    /// that must not differ, if there is any.
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
