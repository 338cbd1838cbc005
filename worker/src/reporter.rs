//! Reports how a worker and the upstreams it calls stand, for operators; and copies the queue's totals once a minute.

use std::sync::Arc;
use std::time::Duration;

use shared::domain::clock;
use shared::queue::{ProcessReport, Queue, QueueError};
use shared::telemetry::LogThrottle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::context::Context;

/// Between two reports.
const EVERY: Duration = Duration::from_secs(5);

/// A worker that reports.
pub struct Reporter {
    /// Where to.
    pub queue: Queue,
    /// Its name in the consumer group.
    pub name: String,
    /// Whose upstreams.
    pub context: Arc<Context>,
}

impl Reporter {
    /// Reports until `stop` is cancelled, and takes the report back then.
    pub async fn run(self, stop: CancellationToken) {
        static THROTTLE: LogThrottle = LogThrottle::new();
        let started_ms = clock::now_ms();
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            if let Err(error) = self.report(started_ms).await
                && let Some(suppressed) = THROTTLE.allow()
            {
                tracing::debug!(%error, suppressed, "upstream health not reported");
            }
        }
        // A report that stays is taken for one of a dead process half a minute later.
        drop(self.queue.withdraw_report(&self.name).await);
    }

    async fn report(&self, started_ms: u64) -> Result<(), QueueError> {
        let mut upstreams = vec![self.context.registry.health()];
        upstreams.extend(self.context.sender.health());
        let report = ProcessReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_ms,
            longest_run_ms: self.context.runs.longest().map(clock::millis),
            upstreams,
        };
        self.queue.report_upstreams(&self.name, &report).await?;
        self.queue.record_minute().await
    }
}
