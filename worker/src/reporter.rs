//! Reports the health of a worker and its upstreams to operators; copies the queue's totals once a minute; and logs
//! which workers are gone and still hold jobs.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use shared::domain::clock;
use shared::queue::{Overview, ProcessReport, Queue, QueueError};
use shared::settings::FleetSettings;
use shared::telemetry::LogThrottle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::context::Context;

/// Time between two reads of the queue.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A worker that reports.
pub struct Reporter {
    /// The queue to report to.
    pub queue: Queue,
    /// Its name in the consumer group.
    pub name: String,
    /// The source of its upstreams.
    pub context: Arc<Context>,
    /// Its settings that the whole fleet should share.
    pub settings: FleetSettings,
}

impl Reporter {
    /// Reports until `stop` is cancelled, then withdraws the report.
    pub async fn run(self, stop: CancellationToken) {
        let started_ms = clock::now_ms();
        let reporting =
            self.queue.operator().keep_reporting(&self.name, || self.report(started_ms), stop.clone());
        tokio::join!(reporting, self.watch_queue(stop));
    }

    fn report(&self, started_ms: u64) -> ProcessReport {
        let mut upstreams = vec![self.context.registry.health()];
        upstreams.extend(self.context.sender.health());
        let longest_run_ms = self.context.runs.longest().map(clock::millis);
        ProcessReport {
            longest_run_ms,
            settings: self.settings.clone(),
            ..ProcessReport::new(started_ms, upstreams)
        }
    }

    async fn watch_queue(&self, stop: CancellationToken) {
        static THROTTLE: LogThrottle = LogThrottle::new();
        let (mut gone, mut tick) = (GoneWorkers::default(), interval(LOOK_EVERY));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            if let Err(error) = self.look(&mut gone).await
                && let Some(suppressed) = THROTTLE.allow()
            {
                tracing::debug!(%error, suppressed, "queue not looked at");
            }
        }
    }

    async fn look(&self, gone: &mut GoneWorkers) -> Result<(), QueueError> {
        self.queue.operator().record_minute().await?;
        gone.note(&self.queue.operator().overview().await?);
        Ok(())
    }
}

/// Workers that are gone and still hold jobs; each is logged once.
#[derive(Default)]
struct GoneWorkers(HashSet<String>);

impl GoneWorkers {
    fn note(&mut self, overview: &Overview) {
        for worker in overview.gone().filter(|worker| !self.0.contains(&worker.name)) {
            let left = clock::millis(worker.taken_over_in.unwrap_or_default());
            let taken_over_by = clock::iso(clock::now_ms() + left);
            let (worker, jobs) = (&worker.name, worker.running);
            tracing::warn!(worker, jobs, taken_over_by, "a worker that held jobs is gone");
        }
        self.0 = overview.gone().map(|worker| worker.name.clone()).collect();
    }
}
