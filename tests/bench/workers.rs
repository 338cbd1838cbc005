//! Our backend with a job that does nothing, as a separate process; and (h) the effect of more of them.

use futures_util::future::join_all;
use shared::domain::outcome::{Outcome, Refusal};
use shared::queue::{JobDisposition, LeasedJob};
use tests::process::Process;
use tokio_util::sync::CancellationToken;
use worker::runner::{WorkerRunner, unique_name};

use super::Effort;
use super::backlog::{Backlog, BacklogRedis, drain_rate};
use super::report::{Bound, Figure, Report};
use super::series::{rate, ratio};
use super::server::{queue, start_role};

/// Slots of the worker; the default of the service.
pub(crate) const SLOTS: usize = 64;

/// The numbers of workers that share a backlog.
const FLEETS: [usize; 3] = [1, 2, 4];

/// Jobs they share.
const JOBS: usize = 200_000;

/// The role `worker`.
pub(crate) async fn run_noop() {
    println!("{}", serde_json::json!({"message": "listening", "address": "127.0.0.1:0"}));
    let consuming = WorkerRunner { queue: queue(), name: unique_name(), concurrency: SLOTS };
    consuming.run(|held, _| noop(held), CancellationToken::new()).await.expect("killed before it ends");
}

/// The job that does nothing.
pub(crate) async fn noop(_: LeasedJob) -> JobDisposition {
    JobDisposition::End(Outcome::Refused(Refusal::PersonNotFound))
}

/// Starts this many of them.
pub(crate) async fn start_noop(workers: usize, served: &BacklogRedis) -> Vec<Process> {
    let folder = served.temp_dir.path();
    let started = (0..workers).map(|_| start_role("worker", &served.settings, folder));
    join_all(started).await.into_iter().map(|(process, _)| process).collect()
}

pub(crate) async fn measure(effort: Effort, report: &mut Report) {
    report.step("workers: filling");
    let backlog = Backlog::make(effort.jobs(JOBS)).await;
    let mut rates: [Vec<f64>; FLEETS.len()] = Default::default();
    for run in 1..=effort.runs {
        for (workers, rates) in FLEETS.into_iter().zip(&mut rates) {
            report.step(format!("{workers} workers, run {run}"));
            let served = backlog.start_redis().await;
            let remaining = served.remaining().await;
            let _working = start_noop(workers, &served).await;
            rates.push(drain_rate(backlog.jobs, remaining).await);
        }
    }
    for (workers, many) in FLEETS.into_iter().zip(&rates).skip(1) {
        report.add(Figure {
            name: format!("drain of {} by {workers} workers / by one", backlog.jobs),
            ours: rate(many),
            other: rate(&rates[0]),
            value: ratio(many, &rates[0]),
            bound: Bound::None,
        });
    }
}
