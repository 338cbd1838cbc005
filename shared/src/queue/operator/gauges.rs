//! The queue's figures for `/metrics`: read when somebody scrapes, and the same in every process. All workers may be
//! gone, so the API exports them too.

use std::time::{Duration, Instant};

use metrics::gauge;
use tokio::sync::Mutex;

use super::overview::Overview;
use super::role::Operator;
use crate::runtime::health::{Refreshing, ScrapedGauges};
use crate::telemetry::metric;

/// How long figures are reused, so that several scrapers cost one read.
const FRESH: Duration = Duration::from_secs(1);

/// Keeps the gauges; one scrape at a time reads them.
pub struct Gauges {
    operator: Operator,
    looked: Mutex<Option<Instant>>,
}

impl Gauges {
    /// Gauges for this queue.
    pub fn new(operator: Operator) -> Self {
        Self { operator, looked: Mutex::default() }
    }

    /// Reads the figures, unless they are fresh. While Redis is away they are NaN: an old figure would look like a
    /// current one.
    async fn look(&self) {
        let mut looked = self.looked.lock().await;
        if looked.is_some_and(|at| at.elapsed() < FRESH) {
            return;
        }
        let overview = self.operator.overview().await.ok();
        gauge!(metric::REDIS_UP).set(if overview.is_some() { 1.0 } else { 0.0 });
        set(overview.as_ref());
        *looked = Some(Instant::now());
    }
}

impl ScrapedGauges for Gauges {
    fn refresh(&self) -> Refreshing<'_> {
        Box::pin(self.look())
    }
}

fn set(overview: Option<&Overview>) {
    #[allow(clippy::cast_precision_loss)]
    let figure = |of: &dyn Fn(&Overview) -> u64| overview.map_or(f64::NAN, |overview| of(overview) as f64);
    let jobs = |state, figure| gauge!(metric::QUEUE_JOBS, "state" => state).set(figure);
    jobs("ready", figure(&|all| all.ready));
    jobs("running", figure(&|all| all.running));
    jobs("scheduled", figure(&|all| all.scheduled));
    jobs("quarantined", figure(&|all| all.quarantined));
    gauge!(metric::WORKERS).set(figure(&|all| u64::try_from(all.live_workers()).unwrap_or(u64::MAX)));
    gauge!(metric::QUEUE_ORPHANED).set(figure(&Overview::orphaned));
    gauge!(metric::PAUSED).set(figure(&|all| u64::from(all.paused.is_some())));
    let oldest = overview.map(|all| all.oldest.unwrap_or_default());
    gauge!(metric::QUEUE_OLDEST).set(oldest.map_or(f64::NAN, |age| age.as_secs_f64()));
}
