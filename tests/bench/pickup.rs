//! (e) Pick-up: from the moment a job is stored to the start of its handler, at 50 jobs a second on an idle system.

use std::time::{Duration, Instant};

use shared::config::{ApprovalLimits, Settings};
use shared::queue::Enqueued;
use tests::place::Place;
use tests::redis_server::RedisServer;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use worker::consumer::{Consuming, unique_name};

use super::Effort;
use super::report::{Asked, Figure, Report, median};
use super::server::queue_of;
use super::workers::{fresh, noop};

const JOBS: usize = 300;
const EVERY: Duration = Duration::from_millis(20);

pub(crate) async fn measure(effort: Effort, report: &mut Report) {
    eprintln!("pick-up");
    let (mut p50s, mut p99s) = (Vec::new(), Vec::new());
    for _ in 0..effort.runs {
        let waits = waits().await;
        p50s.push(waits[JOBS / 2].as_secs_f64() * 1_000.0);
        p99s.push(waits[JOBS * 99 / 100].as_secs_f64() * 1_000.0);
    }
    for (name, value, bound) in [("p50", median(p50s), 0.6), ("p99", median(p99s), 1.5)] {
        report.add(Figure {
            name: format!("pick-up at 50/s, {name}, ms"),
            ours: format!("{value:.2}"),
            other: format!("{bound}"),
            value,
            asked: Asked::AtMost(bound),
        });
    }
}

/// Enqueue called → handler started, sorted.
async fn waits() -> Vec<Duration> {
    let place = Place::new().expect("a folder of its own");
    let server = RedisServer::start_with(place.path(), &["--appendonly", "no", "--save", ""]).await;
    let settings = Settings::from_pairs([("RESEND_REDIS_URL", server.url())]).expect("right settings");
    let (queue, stop) = (queue_of(&settings), CancellationToken::new());
    let (started, mut starts) = mpsc::unbounded_channel();
    let consuming = Consuming { queue: queue.clone(), name: unique_name(), concurrency: 64 };
    let handler = move |held| {
        let _ = started.send(Instant::now());
        noop(held)
    };
    let working = tokio::spawn(consuming.run(handler, stop.clone()));
    let limits = ApprovalLimits { cooldown: Duration::ZERO, per_hour: 0 };
    let mut waits = Vec::with_capacity(JOBS);
    let mut tick = tokio::time::interval(EVERY);
    for _ in 0..JOBS {
        tick.tick().await;
        let sent = Instant::now();
        let enqueued = queue.enqueue(&fresh(), &limits).await.expect("a running Redis");
        assert!(matches!(enqueued, Enqueued::Accepted(_)));
        waits.push(starts.recv().await.expect("a running worker") - sent);
    }
    stop.cancel();
    working.await.expect("no panic").expect("a graceful stop");
    waits.sort();
    waits
}
