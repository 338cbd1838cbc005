//! Reports how a worker and the upstreams it calls stand, for operators; copies the queue's totals once a minute; and logs
//! which workers are gone with jobs in their hands.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::domain::clock;
use shared::queue::{Overview, ProcessReport, Queue, QueueError};
use shared::telemetry::LogThrottle;
use shared::telemetry::upstream_health::HealthSnapshot;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::ops::alarms::HUNG_CALL_MS;

/// Between two reports while nothing is the matter.
const EVERY: Duration = Duration::from_secs(5);

/// Between two looks at what is to be reported: what turns is reported at once.
const LOOK_EVERY: Duration = Duration::from_secs(1);

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
        let (mut reported, mut due) = (Vec::new(), Instant::now());
        let (mut watch, mut tick) = (GoneWorkers::default(), interval(LOOK_EVERY));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            let upstreams = self.upstreams();
            let turned = upstreams.iter().map(turn).collect::<Vec<_>>();
            if turned == reported && Instant::now() < due {
                continue;
            }
            (reported, due) = (turned, Instant::now() + EVERY);
            if let Err(error) = self.report(started_ms, upstreams, &mut watch).await
                && let Some(suppressed) = THROTTLE.allow()
            {
                tracing::debug!(%error, suppressed, "upstream health not reported");
            }
        }
        // A report that stays is taken for one of a dead process half a minute later.
        drop(self.queue.operator().withdraw_report(&self.name).await);
    }

    fn upstreams(&self) -> Vec<HealthSnapshot> {
        let mut upstreams = vec![self.context.registry.health()];
        upstreams.extend(self.context.sender.health());
        upstreams
    }

    async fn report(
        &self,
        started_ms: u64,
        upstreams: Vec<HealthSnapshot>,
        watch: &mut GoneWorkers,
    ) -> Result<(), QueueError> {
        let report = ProcessReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_ms,
            longest_run_ms: self.context.runs.longest().map(clock::millis),
            upstreams,
        };
        self.queue.operator().report_upstreams(&self.name, &report).await?;
        self.queue.operator().record_minute().await?;
        watch.note(&self.queue.operator().overview().await?);
        Ok(())
    }
}

/// What is reported as soon as it changes: how the upstream stands, and whether calls of it hang.
fn turn(upstream: &HealthSnapshot) -> (bool, Option<String>, bool) {
    (upstream.is_down, upstream.setting.clone(), upstream.longest_ms.is_some_and(|ms| ms >= HUNG_CALL_MS))
}

/// Workers that are gone with jobs in their hands; each is logged once.
#[derive(Default)]
struct GoneWorkers(HashSet<String>);

impl GoneWorkers {
    fn note(&mut self, overview: &Overview) {
        for worker in overview.gone().filter(|worker| !self.0.contains(&worker.name)) {
            let left = clock::millis(worker.taken_over_in.unwrap_or_default());
            let taken_over_by = clock::iso(clock::now_ms() + left);
            let (worker, jobs) = (&worker.name, worker.running);
            tracing::warn!(worker, jobs, taken_over_by, "a worker is gone with jobs in its hands");
        }
        self.0 = overview.gone().map(|worker| worker.name.clone()).collect();
    }
}
