//! (e) Pick-up: from the moment a job is stored to the start of its handler, at 50 jobs a second on an idle system.

use std::time::{Duration, Instant};

use shared::queue::Enqueued;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use worker::runner::{WorkerRunner, unique_name};

use super::Effort;
use super::backlog::{BacklogRedis, new_job, no_limits};
use super::report::{Bound, Figure, Report};
use super::series::{median, spread};
use super::workers::{SLOTS, noop};

/// Jobs of one run.
pub(crate) const JOBS: usize = 300;

const ENQUEUE_INTERVAL: Duration = Duration::from_millis(20);

pub(crate) async fn measure(effort: Effort, report: &mut Report) {
    let (mut p50s, mut p99s) = (Vec::new(), Vec::new());
    for run in 1..=effort.runs {
        report.step(format!("pick-up, run {run}"));
        let (p50, p99) = percentiles(waits_ms().await);
        p50s.push(p50);
        p99s.push(p99);
    }
    for (name, values, bound) in [("p50", p50s, 0.6), ("p99", p99s, 1.5)] {
        report.add(Figure {
            name: format!("pick-up at 50/s, {name}, ms"),
            ours: spread(&values, 2, " ms"),
            other: format!("{bound} ms"),
            value: median(values),
            bound: Bound::AtMost(bound),
        });
    }
}

/// The median wait, and the 99th percentile.
pub(crate) fn percentiles(mut waits: Vec<f64>) -> (f64, f64) {
    waits.sort_by(f64::total_cmp);
    let at = |hundredths: usize| waits.get(waits.len() * hundredths / 100).copied().unwrap_or(f64::NAN);
    (at(50), at(99))
}

/// Enqueue called → handler started, milliseconds.
pub(crate) async fn waits_ms() -> Vec<f64> {
    let BacklogRedis { server: _server, queue, temp_dir: _temp_dir, .. } = BacklogRedis::empty().await;
    let stop = CancellationToken::new();
    let (started, mut starts) = mpsc::unbounded_channel();
    let consuming = WorkerRunner { queue: queue.clone(), name: unique_name(), concurrency: SLOTS };
    let handler = move |held, _| {
        let _ = started.send(Instant::now());
        noop(held)
    };
    let working = tokio::spawn(consuming.run(handler, stop.clone()));
    let limits = no_limits();
    let mut waits = Vec::with_capacity(JOBS);
    let mut tick = tokio::time::interval(ENQUEUE_INTERVAL);
    for _ in 0..JOBS {
        tick.tick().await;
        let sent = Instant::now();
        let enqueued = queue.producer().enqueue(&new_job(), &limits).await.expect("a running Redis");
        assert!(matches!(enqueued, Enqueued::Accepted(_)));
        waits.push((starts.recv().await.expect("a running worker") - sent).as_secs_f64() * 1_000.0);
    }
    stop.cancel();
    working.await.expect("no panic").expect("a graceful stop");
    waits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_taken_from_sorted_waits() {
        let waits = (0..100).rev().map(f64::from).collect();
        assert_eq!(percentiles(waits), (50.0, 99.0));
        assert!(percentiles(Vec::new()).0.is_nan());
    }
}
