//! Health of upstream services and channels, reported by the processes that call them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::role::Operator;
use crate::domain::clock::millis;
use crate::queue::error::QueueError;
use crate::settings::FleetSettings;
use crate::telemetry::LogThrottle;
use crate::telemetry::upstream_health::{HUNG_CALL_MS, HealthSnapshot};

/// Time between two reports while nothing changes.
const EVERY: Duration = Duration::from_secs(5);

/// Time between two checks for changes, which are reported at once.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A report this old was left by a process that is gone.
const STALE_AFTER: Duration = Duration::from_secs(30);

/// The report of one process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessReport {
    /// The version of the program.
    pub version: String,
    /// When the process started, milliseconds since the epoch.
    pub started_ms: u64,
    /// How long the longest current run has taken, milliseconds; none if nothing runs, or in an API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_run_ms: Option<u64>,
    /// Its settings that the whole fleet should share.
    #[serde(default)]
    pub settings: FleetSettings,
    /// Each upstream it calls.
    pub upstreams: Vec<HealthSnapshot>,
}

impl ProcessReport {
    /// The report of a process of this build in which nothing runs.
    pub fn new(started_ms: u64, upstreams: Vec<HealthSnapshot>) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { version, started_ms, longest_run_ms: None, settings: FleetSettings::default(), upstreams }
    }
}

impl Operator {
    /// Sends this process' reports until `stop` is cancelled, then withdraws the last one.
    pub async fn keep_reporting(
        &self,
        process: &str,
        describe: impl Fn() -> ProcessReport,
        stop: CancellationToken,
    ) {
        static THROTTLE: LogThrottle = LogThrottle::new();
        let (mut reported, mut due) = (Vec::new(), Instant::now());
        let mut tick = interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            let report = describe();
            let turned = report.upstreams.iter().map(turn).collect::<Vec<_>>();
            if turned == reported && Instant::now() < due {
                continue;
            }
            (reported, due) = (turned, Instant::now() + EVERY);
            if let Err(error) = self.report_upstreams(process, &report).await
                && let Some(suppressed) = THROTTLE.allow()
            {
                tracing::debug!(%error, suppressed, "upstream health not reported");
            }
        }
        // A report that stays behind would look like that of a dead process half a minute later.
        drop(self.withdraw_report(process).await);
    }

    /// Stores this process' report, replacing the previous one.
    pub async fn report_upstreams(&self, process: &str, report: &ProcessReport) -> Result<(), QueueError> {
        let text =
            serde_json::to_string(report).map_err(|_| QueueError::Corrupt("a report is always JSON"))?;
        let mut call = self.core.scripts.report_upstreams.prepare_invoke();
        call.key(self.core.keys.upstreams()).arg(process).arg(text);
        let _new: u64 = self.core.redis.script(&call).await?;
        Ok(())
    }

    /// Withdraws the report of a process that ends.
    pub async fn withdraw_report(&self, process: &str) -> Result<(), QueueError> {
        let mut delete = ::redis::cmd("HDEL");
        delete.arg(self.core.keys.upstreams()).arg(process);
        let _gone: u64 = self.core.redis.command(&delete).await?;
        Ok(())
    }

    /// The reports of live processes, by name. One that cannot be read, because of its version, is left out.
    pub async fn upstream_reports(&self) -> Result<BTreeMap<String, ProcessReport>, QueueError> {
        let mut call = self.core.scripts.upstream_reports.prepare_invoke();
        call.key(self.core.keys.upstreams()).arg(millis(STALE_AFTER));
        let texts: BTreeMap<String, String> = self.core.redis.script(&call).await?;
        let read = |(name, text): (String, String)| Some((name, serde_json::from_str(&text).ok()?));
        Ok(texts.into_iter().filter_map(read).collect())
    }
}

/// What is reported as soon as it changes: the health of the upstream, and whether its calls hang.
fn turn(upstream: &HealthSnapshot) -> (bool, Option<String>, bool) {
    (upstream.is_down, upstream.setting.clone(), upstream.longest_ms.is_some_and(|ms| ms >= HUNG_CALL_MS))
}
