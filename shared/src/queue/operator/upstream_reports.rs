//! Health of upstream services and channels, reported by the processes that call them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::role::Operator;
use crate::domain::clock::millis;
use crate::queue::error::QueueError;
use crate::telemetry::upstream_health::HealthSnapshot;

/// A report this old is from a process that is gone.
const STALE_AFTER: Duration = Duration::from_secs(30);

/// What one process says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessReport {
    /// The version of the program.
    pub version: String,
    /// When the process started, milliseconds since the epoch.
    pub started_ms: u64,
    /// How long the longest run of the moment has taken, milliseconds; none where nothing runs, or in an API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_run_ms: Option<u64>,
    /// Each upstream it calls.
    pub upstreams: Vec<HealthSnapshot>,
}

impl Operator {
    /// Leaves this process' report, in place of the one before.
    pub async fn report_upstreams(&self, process: &str, report: &ProcessReport) -> Result<(), QueueError> {
        let text =
            serde_json::to_string(report).map_err(|_| QueueError::Corrupt("a report is always JSON"))?;
        let mut call = self.core.scripts.report_upstreams.prepare_invoke();
        call.key(self.core.keys.upstreams()).arg(process).arg(text);
        let _new: u64 = self.core.redis.script(&call).await?;
        Ok(())
    }

    /// Takes back the report of a process that ends.
    pub async fn withdraw_report(&self, process: &str) -> Result<(), QueueError> {
        let mut delete = ::redis::cmd("HDEL");
        delete.arg(self.core.keys.upstreams()).arg(process);
        let _gone: u64 = self.core.redis.command(&delete).await?;
        Ok(())
    }

    /// The reports of living processes, by name. One that cannot be read, of another version, is left out.
    pub async fn upstream_reports(&self) -> Result<BTreeMap<String, ProcessReport>, QueueError> {
        let mut call = self.core.scripts.upstream_reports.prepare_invoke();
        call.key(self.core.keys.upstreams()).arg(millis(STALE_AFTER));
        let texts: BTreeMap<String, String> = self.core.redis.script(&call).await?;
        let read = |(name, text): (String, String)| Some((name, serde_json::from_str(&text).ok()?));
        Ok(texts.into_iter().filter_map(read).collect())
    }
}
