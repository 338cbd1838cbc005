//! The same two routes and the same job over the queues a user would pick instead, in the same run, each over a Redis of
//! its own set up alike: AOF everysec where requests are accepted, none where a backlog is drained.

use std::time::{Duration, Instant};

use tests::eventually::eventually;
use tests::place::Place;
use tests::process::Process;
use tests::redis_server::RedisServer;

use super::Effort;
use super::accept::{add, under_load};
use super::backlog::{Backlog, IN_MEMORY, Left, drain_rate, drained, left_in};
use super::load::{Asking, Load, Requests};
use super::peer::{PEERS, Peer, waits_ms};
use super::pickup::{self, percentiles};
use super::report::{Asked, Figure, Report};
use super::series::{median, rate, ratio, spread};
use super::server::start_role;
use super::suite::caught;
use super::usage::peak_rss_mib;
use super::workers::start_noop;

const CONNECTIONS: u32 = 64;

/// As users run it.
const EVERYSEC: [&str; 6] = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""];

/// What one side showed.
#[derive(Default)]
struct Seen {
    accepts: Vec<Load>,
    end_to_end: Vec<f64>,
    drains: Vec<f64>,
    p50s: Vec<f64>,
    p99s: Vec<f64>,
    rss_api: Vec<f64>,
    rss_worker: Vec<f64>,
}

pub(crate) async fn measure(effort: Effort, report: &mut Report) {
    let present: Vec<&Peer> = PEERS.iter().filter(|peer| shown_or_here(peer, report)).collect();
    if present.is_empty() {
        return;
    }
    // One pair at a time would be fairest; a peer ten times slower does not need it, and has one run.
    let mut ours = Seen::default();
    let mut theirs: Vec<Seen> = present.iter().map(|_| Seen::default()).collect();
    for run in 1..=effort.runs {
        report.step(format!("ours, run {run}"));
        run_ours(effort, &mut ours).await;
        for (peer, seen) in
            present.iter().zip(&mut theirs).filter(|(peer, _)| run == 1 || peer.name == "bullmq")
        {
            report.step(format!("{}, run {run}", peer.title));
            if let Err(why) = caught(run_peer(peer, effort, seen)).await {
                // Not held against us; what it showed before it broke is kept.
                report.not_run(format!("{}, run {run}", peer.title), format!("to the end: {why}"));
            }
        }
    }
    for (peer, seen) in present.iter().zip(&theirs) {
        add_figures(peer, &ours, seen, report);
    }
}

fn shown_or_here(peer: &Peer, report: &mut Report) -> bool {
    let missing = peer.missing_here();
    if let Some(why) = &missing {
        report.not_run(peer.title, why);
    }
    missing.is_none()
}

async fn run_ours(effort: Effort, seen: &mut Seen) {
    let stack = under_load().redis(&EVERYSEC).start().await;
    let api = &stack.apis[0];
    let load = Loaded { api: &api.process, url: &api.url, redis: &stack.redis, effort };
    seen.accepts.push(load.accept(stack.folder()).await);
    let _: String = stack.redis.command(&["FLUSHALL"]).await;
    let (worker, _) = start_role("worker", stack.settings(), stack.folder()).await;
    let left = left_in(stack.redis.connection().await);
    seen.end_to_end.push(load.to_the_end(stack.folder(), left).await);
    seen.rss_api.push(peak_rss_mib(&api.process));
    seen.rss_worker.push(peak_rss_mib(&worker));

    let backlog = Backlog::make(effort.jobs(20_000)).await;
    let served = backlog.serve().await;
    let left = served.left().await;
    let _working = start_noop(1, &served).await;
    seen.drains.push(drain_rate(backlog.jobs, left).await);
    seen.take_waits(pickup::waits_ms().await);
}

/// Figure by figure, so that what was seen before something breaks is kept.
async fn run_peer(peer: &Peer, effort: Effort, seen: &mut Seen) {
    let place = Place::new().expect("a folder of its own");
    let folder = place.path();
    let redis = RedisServer::start_with(folder, &EVERYSEC).await;
    let (api, url) = peer.start("api", &redis.url(), folder).await;
    let load = Loaded { api: &api, url: &url, redis: &redis, effort };
    seen.accepts.push(load.accept(folder).await);
    seen.rss_api.push(peak_rss_mib(&api));

    let in_memory = RedisServer::start_with(&folder.join("drain"), &IN_MEMORY).await;
    let jobs = effort.jobs(peer.backlog);
    peer.finish("fill", jobs, &in_memory.url(), folder).await;
    let left = peer.left(in_memory.connection().await);
    let (worker, _) = peer.start("worker", &in_memory.url(), folder).await;
    seen.drains.push(drain_rate(jobs, left).await);
    seen.rss_worker.push(peak_rss_mib(&worker));
    peer.finish("pickup", pickup::JOBS, &in_memory.url(), folder).await;
    let waits = eventually("every pick-up is told", Duration::from_secs(10), || async {
        Some(waits_ms(&worker.log())).filter(|waits| waits.len() == pickup::JOBS)
    })
    .await;
    seen.take_waits(waits);
    drop(worker);

    let _: String = redis.command(&["FLUSHALL"]).await;
    let _worker = peer.start("worker", &redis.url(), folder).await;
    let left = peer.left(redis.connection().await);
    seen.end_to_end.push(load.to_the_end(folder, left).await);
}

/// An API under load.
struct Loaded<'a> {
    api: &'a Process,
    url: &'a str,
    redis: &'a RedisServer,
    effort: Effort,
}

impl Loaded<'_> {
    async fn accept(&self, folder: &std::path::Path) -> Load {
        let watched = vec![self.api, self.redis.process()];
        let asking = Asking { connections: CONNECTIONS, seconds: self.effort.seconds, watched };
        Requests::resends(folder).run(self.url, &asking).await
    }

    /// Jobs a second from the first request to the last job's end, while a worker runs beside.
    async fn to_the_end(&self, folder: &std::path::Path, left: impl Fn() -> Left) -> f64 {
        let start = Instant::now();
        let load = self.accept(folder).await;
        drained(left).await;
        load.requests / start.elapsed().as_secs_f64()
    }
}

impl Seen {
    fn take_waits(&mut self, waits: Vec<f64>) {
        let (p50, p99) = percentiles(waits);
        self.p50s.push(p50);
        self.p99s.push(p99);
    }
}

fn add_figures(peer: &Peer, ours: &Seen, theirs: &Seen, report: &mut Report) {
    let (accept, end_to_end, drain) = match peer.name {
        "bullmq" => (Asked::AtLeast(2.2), Asked::AtLeast(2.5), Asked::AtLeast(3.0)),
        "celery" => (Asked::AtLeast(40.0), Asked::Nothing, Asked::Nothing),
        _ => (Asked::Nothing, Asked::Nothing, Asked::Nothing),
    };
    let title = peer.title;
    if !theirs.accepts.is_empty() {
        add(report, format!("accept c{CONNECTIONS} / {title}"), (&ours.accepts, &theirs.accepts), accept);
    }
    let rates = [
        (
            format!("accepted and done with a no-op worker / {title}"),
            &ours.end_to_end,
            &theirs.end_to_end,
            end_to_end,
        ),
        (format!("drain of no-op jobs / {title}"), &ours.drains, &theirs.drains, drain),
    ];
    for (name, ours, theirs, asked) in rates.into_iter().filter(|(_, _, theirs, _)| !theirs.is_empty()) {
        let value = ratio(ours, theirs);
        report.add(Figure { name, ours: rate(ours), other: rate(theirs), value, asked });
    }
    let others = [
        ("pick-up p50", " ms", &ours.p50s, &theirs.p50s, Asked::AtMost(1.0)),
        ("pick-up p99", " ms", &ours.p99s, &theirs.p99s, Asked::AtMost(1.0)),
        ("RSS of the API", " MiB", &ours.rss_api, &theirs.rss_api, Asked::Nothing),
        ("RSS of the worker", " MiB", &ours.rss_worker, &theirs.rss_worker, Asked::Nothing),
    ];
    for (what, unit, ours, theirs, asked) in
        others.into_iter().filter(|(_, _, _, theirs, _)| !theirs.is_empty())
    {
        let value = median(ours.clone()) / median(theirs.clone());
        let (ours, other) = (spread(ours, 2, unit), spread(theirs, 2, unit));
        report.add(Figure { name: format!("{what} / {title}"), ours, other, value, asked });
    }
}
