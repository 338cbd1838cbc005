//! The same two routes and the same job on the queues that a user might choose instead, in the same run, each with its
//! own Redis in the same configuration: AOF everysec where requests are accepted, no AOF where a backlog is drained.

use std::time::{Duration, Instant};

use tests::eventually::eventually;
use tests::process::Process;
use tests::redis_server::RedisServer;
use tests::temp_dir::TempDir;

use super::Effort;
use super::accept::{add, under_load};
use super::backlog::{Backlog, IN_MEMORY, Remaining, drain_rate, remaining_in, wait_until_drained};
use super::caught::caught;
use super::load::{Load, LoadOptions, Requests};
use super::peer::{PEERS, Peer, waits_ms};
use super::pickup::{self, percentiles};
use super::report::{Bound, Figure, Report};
use super::series::{median, rate, ratio, spread};
use super::server::start_role;
use super::usage::{Meter, peak_rss_mib};
use super::workers::start_noop;

const CONNECTIONS: u32 = 64;

/// A common configuration.
const EVERYSEC: [&str; 6] = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""];

/// The measurements of one side.
#[derive(Default)]
struct Measurements {
    accepts: Vec<Load>,
    end_to_end: Vec<f64>,
    drains: Vec<f64>,
    p50s: Vec<f64>,
    p99s: Vec<f64>,
    rss_api: Vec<f64>,
    rss_worker: Vec<f64>,
    /// CPU of an accepted job, API and Redis, microseconds.
    accept_us: Vec<f64>,
    /// CPU of a job that does nothing, worker and Redis, microseconds.
    drain_us: Vec<f64>,
    /// CPU of a job from request to end, all processes, microseconds.
    end_to_end_us: Vec<f64>,
}

pub(crate) async fn measure(effort: Effort, report: &mut Report) {
    let present: Vec<&Peer> = PEERS.iter().filter(|peer| is_installed(peer, report)).collect();
    if present.is_empty() {
        return;
    }
    // Alternating pairs would be fairest; a peer that is ten times slower does not need it, and has one run.
    let mut ours = Measurements::default();
    let mut theirs: Vec<Measurements> = present.iter().map(|_| Measurements::default()).collect();
    for run in 1..=effort.runs {
        report.step(format!("ours, run {run}"));
        run_ours(effort, &mut ours).await;
        for (peer, measured) in
            present.iter().zip(&mut theirs).filter(|(peer, _)| run == 1 || peer.name == "bullmq")
        {
            report.step(format!("{}, run {run}", peer.title));
            if let Err(why) = caught(run_peer(peer, effort, measured)).await {
                // Not counted as our failure; what was measured before is kept.
                report.not_run(format!("{}, run {run}", peer.title), format!("to the end: {why}"));
            }
        }
    }
    for (peer, measured) in present.iter().zip(&theirs) {
        add_figures(peer, &ours, measured, report);
    }
}

fn is_installed(peer: &Peer, report: &mut Report) -> bool {
    let missing = peer.missing_here();
    if let Some(why) = &missing {
        report.not_run(peer.title, why);
    }
    missing.is_none()
}

async fn run_ours(effort: Effort, measured: &mut Measurements) {
    let stack = under_load().redis(&EVERYSEC).start().await;
    let api = &stack.apis[0];
    let load = ApiUnderLoad { api: &api.process, url: &api.url, redis: &stack.redis, effort };
    measured.add_accept(load.accept(stack.folder()).await);
    let _: String = stack.redis.command(&["FLUSHALL"]).await;
    let (worker, _) = start_role("worker", stack.settings(), stack.folder()).await;
    let remaining = remaining_in(stack.redis.connection().await);
    load.run_to_the_end(&worker, stack.folder(), remaining, measured).await;
    measured.rss_api.push(peak_rss_mib(&api.process));
    measured.rss_worker.push(peak_rss_mib(&worker));

    let backlog = Backlog::make(effort.jobs(20_000)).await;
    let served = backlog.start_redis().await;
    let remaining = served.remaining().await;
    let working = start_noop(1, &served).await;
    measured.add_drain(&[&working[0], served.server.process()], backlog.jobs, remaining).await;
    measured.add_waits(pickup::waits_ms().await);
}

/// One figure after the other, so that earlier ones are kept if something breaks.
async fn run_peer(peer: &Peer, effort: Effort, measured: &mut Measurements) {
    let temp_dir = TempDir::new().expect("a folder of its own");
    let folder = temp_dir.path();
    let redis = RedisServer::start_with(folder, &EVERYSEC).await;
    let (api, url) = peer.start("api", &redis.url(), folder).await;
    let load = ApiUnderLoad { api: &api, url: &url, redis: &redis, effort };
    measured.add_accept(load.accept(folder).await);
    measured.rss_api.push(peak_rss_mib(&api));

    let in_memory = RedisServer::start_with(&folder.join("drain"), &IN_MEMORY).await;
    let jobs = effort.jobs(peer.backlog);
    peer.finish("fill", jobs, &in_memory.url(), folder).await;
    let remaining = peer.remaining(in_memory.connection().await);
    let (worker, _) = peer.start("worker", &in_memory.url(), folder).await;
    measured.add_drain(&[&worker, in_memory.process()], jobs, remaining).await;
    measured.rss_worker.push(peak_rss_mib(&worker));
    peer.finish("pickup", pickup::JOBS, &in_memory.url(), folder).await;
    let waits = eventually("every pick-up is told", Duration::from_secs(10), || async {
        Some(waits_ms(&worker.log())).filter(|waits| waits.len() == pickup::JOBS)
    })
    .await;
    measured.add_waits(waits);
    drop(worker);

    let _: String = redis.command(&["FLUSHALL"]).await;
    let (worker, _) = peer.start("worker", &redis.url(), folder).await;
    let remaining = peer.remaining(redis.connection().await);
    load.run_to_the_end(&worker, folder, remaining, measured).await;
}

/// An API under load.
struct ApiUnderLoad<'a> {
    api: &'a Process,
    url: &'a str,
    redis: &'a RedisServer,
    effort: Effort,
}

impl ApiUnderLoad<'_> {
    async fn accept(&self, folder: &std::path::Path) -> Load {
        let watched = vec![self.api, self.redis.process()];
        let asking = LoadOptions { connections: CONNECTIONS, seconds: self.effort.seconds, watched };
        Requests::resends(folder).run(self.url, &asking).await
    }

    /// Jobs a second from the first request to the last job's end, while a worker runs, and the CPU time of each.
    async fn run_to_the_end(
        &self,
        worker: &Process,
        folder: &std::path::Path,
        remaining: impl Fn() -> Remaining,
        measured: &mut Measurements,
    ) {
        let (start, meter) = (Instant::now(), Meter::start(&[self.api, worker, self.redis.process()]));
        let load = self.accept(folder).await;
        wait_until_drained(remaining).await;
        measured.end_to_end.push(load.requests / start.elapsed().as_secs_f64());
        measured.end_to_end_us.push(meter.us_each(load.requests).iter().sum());
    }
}

impl Measurements {
    fn add_accept(&mut self, load: Load) {
        self.accept_us.push(load.cpu_us.iter().sum());
        self.accepts.push(load);
    }

    #[allow(clippy::cast_precision_loss)]
    async fn add_drain(&mut self, watched: &[&Process], jobs: usize, remaining: impl Fn() -> Remaining) {
        let meter = Meter::start(watched);
        self.drains.push(drain_rate(jobs, remaining).await);
        self.drain_us.push(meter.us_each(jobs as f64).iter().sum());
    }

    fn add_waits(&mut self, waits: Vec<f64>) {
        let (p50, p99) = percentiles(waits);
        self.p50s.push(p50);
        self.p99s.push(p99);
    }
}

fn add_figures(peer: &Peer, ours: &Measurements, theirs: &Measurements, report: &mut Report) {
    let (accept, end_to_end, drain) = match peer.name {
        "bullmq" => (Bound::AtMost(0.45), Bound::AtMost(0.4), Bound::AtMost(0.33)),
        _ => (Bound::None, Bound::None, Bound::None),
    };
    let title = peer.title;
    if !theirs.accepts.is_empty() {
        add(
            report,
            format!("accept c{CONNECTIONS} / {title}"),
            (&ours.accepts, &theirs.accepts),
            Bound::None,
        );
    }
    let rates = [
        (format!("accepted and done with a no-op worker / {title}"), &ours.end_to_end, &theirs.end_to_end),
        (format!("drain of no-op jobs / {title}"), &ours.drains, &theirs.drains),
    ];
    for (name, ours, theirs) in rates.into_iter().filter(|(_, _, theirs)| !theirs.is_empty()) {
        let value = ratio(ours, theirs);
        report.add(Figure { name, ours: rate(ours), other: rate(theirs), value, bound: Bound::None });
    }
    let others = [
        ("CPU of an accepted job, API + Redis", " µs", &ours.accept_us, &theirs.accept_us, accept),
        ("CPU of a no-op job, worker + Redis", " µs", &ours.drain_us, &theirs.drain_us, drain),
        ("CPU of a job accepted and done", " µs", &ours.end_to_end_us, &theirs.end_to_end_us, end_to_end),
        ("pick-up p50", " ms", &ours.p50s, &theirs.p50s, Bound::AtMost(1.0)),
        ("pick-up p99", " ms", &ours.p99s, &theirs.p99s, Bound::AtMost(1.0)),
        ("RSS of the API", " MiB", &ours.rss_api, &theirs.rss_api, Bound::None),
        ("RSS of the worker", " MiB", &ours.rss_worker, &theirs.rss_worker, Bound::None),
    ];
    for (what, unit, ours, theirs, bound) in
        others.into_iter().filter(|(_, _, _, theirs, _)| !theirs.is_empty())
    {
        let value = median(ours.clone()) / median(theirs.clone());
        let (ours, other) = (spread(ours, 2, unit), spread(theirs, 2, unit));
        report.add(Figure { name: format!("{what} / {title}"), ours, other, value, bound });
    }
}
