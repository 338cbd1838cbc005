//! A Redis with a backlog: filled once and kept as a dump, so that every run starts the same.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream;
use redis::aio::MultiplexedConnection;
use shared::domain::ids::{ApprovalId, PatientId, RequestId};
use shared::queue::{Enqueued, NewJob, Queue};
use shared::settings::{ApprovalLimits, Settings};
use tests::eventually::eventually;
use tests::keys::keys;
use tests::redis_server::RedisServer;
use tests::temp_dir::TempDir;
use tokio::process::Command;
use uuid::Uuid;

use super::server::queue_of;

/// Redis without an append-only file: it measures our cost, not the disk's.
pub(crate) const IN_MEMORY: [&str; 4] = ["--appendonly", "no", "--save", ""];

/// Concurrent requests while a queue is filled.
const CONCURRENCY: usize = 256;

/// Longest time without a job done before a drain counts as stuck.
const STALL_LIMIT: Duration = Duration::from_secs(20);

/// The queue's stream at commit 78d924e, whose programs the part `real` can be given.
const EARLIER_STREAM: &str = "resend:{0}:stream";

/// A count of the jobs that are not done yet.
pub(crate) type Remaining = BoxFuture<'static, u64>;

/// A dump of a Redis with this many jobs.
pub(crate) struct Backlog {
    /// How many.
    pub(crate) jobs: usize,
    temp_dir: TempDir,
}

/// A Redis that serves one run.
pub(crate) struct BacklogRedis {
    /// The server.
    pub(crate) server: RedisServer,
    /// Settings that point to it.
    pub(crate) settings: Vec<(String, String)>,
    /// Its queue.
    pub(crate) queue: Queue,
    /// Its folder.
    pub(crate) temp_dir: TempDir,
}

impl Backlog {
    /// Fills a queue and dumps it.
    pub(crate) async fn make(jobs: usize) -> Self {
        let BacklogRedis { server, queue, temp_dir, .. } = BacklogRedis::empty().await;
        fill(&queue, jobs).await;
        let port = server.port().to_string();
        let saved = Command::new("redis-cli").args(["-p", &port, "SAVE"]).output().await;
        assert!(saved.is_ok_and(|output| output.stdout.starts_with(b"OK")), "SAVE");
        Self { jobs, temp_dir }
    }

    /// A fresh Redis with the backlog in it.
    pub(crate) async fn start_redis(&self) -> BacklogRedis {
        let temp_dir = TempDir::new().expect("a folder of its own");
        // A hard link to the same dump, because nothing here writes to it.
        let dump = "dump.rdb";
        std::fs::hard_link(self.temp_dir.path().join(dump), temp_dir.path().join(dump)).expect("a dump");
        BacklogRedis::over(temp_dir).await
    }
}

impl BacklogRedis {
    /// A fresh Redis with nothing in it.
    pub(crate) async fn empty() -> Self {
        Self::over(TempDir::new().expect("a folder of its own")).await
    }

    /// A function that counts the jobs not done.
    pub(crate) async fn remaining(&self) -> impl Fn() -> Remaining + use<> {
        remaining_in(self.server.connection().await)
    }

    async fn over(temp_dir: TempDir) -> Self {
        let server = RedisServer::start_with(temp_dir.path(), &IN_MEMORY).await;
        let settings = vec![("RESEND_REDIS_URL".to_owned(), server.url())];
        let queue = queue_of(&Settings::from_pairs(settings.iter().cloned()).expect("right settings"));
        queue.deliveries().make_group().await.expect("a running Redis");
        Self { server, settings, queue, temp_dir }
    }
}

/// A function that counts the jobs not done: entries leave the stream as their jobs end.
pub(crate) fn remaining_in(connection: MultiplexedConnection) -> impl Fn() -> Remaining {
    move || {
        let mut connection = connection.clone();
        Box::pin(async move {
            let mut ask = redis::pipe();
            for stream in [keys().stream(), EARLIER_STREAM.into()] {
                ask.cmd("XLEN").arg(stream);
            }
            let lengths: Vec<u64> = ask.query_async(&mut connection).await.expect("a running Redis");
            lengths.into_iter().sum()
        })
    }
}

/// A new job.
pub(crate) fn new_job() -> NewJob {
    NewJob {
        patient: PatientId(Uuid::new_v4()),
        approval: ApprovalId(Uuid::new_v4()),
        client: "mis-a".parse().expect("a client id"),
        request: RequestId::generate(),
        trace: None,
        idempotency: None,
    }
}

/// Limits that refuse nothing.
pub(crate) fn no_limits() -> ApprovalLimits {
    let off = ["COOLDOWN_SECONDS", "PER_APPROVAL_HOUR", "PER_CLIENT_MINUTE"];
    let off = off.map(|limit| (format!("RESEND_LIMIT_{limit}"), "0".to_owned()));
    ApprovalLimits::from_settings(&Settings::from_pairs(off).expect("right settings"))
        .expect("right settings")
}

/// Enqueues this many jobs.
pub(crate) async fn fill(queue: &Queue, jobs: usize) {
    let limits = no_limits();
    stream::iter(0..jobs)
        .for_each_concurrent(CONCURRENCY, |_| async {
            let enqueued = queue.producer().enqueue(&new_job(), &limits).await.expect("a running Redis");
            assert!(matches!(enqueued, Enqueued::Accepted(_)), "{enqueued:?}");
        })
        .await;
}

/// Jobs a second from the first to the last that is done, so without the workers' start-up time.
pub(crate) async fn drain_rate(jobs: usize, remaining: impl Fn() -> Remaining) -> f64 {
    let first = eventually("the first job is done", STALL_LIMIT, || async {
        let now = remaining().await;
        (now < jobs as u64).then_some(now)
    })
    .await;
    let start = Instant::now();
    wait_until_drained(&remaining).await;
    #[allow(clippy::cast_precision_loss)]
    let done = first as f64;
    done / start.elapsed().as_secs_f64()
}

/// Waits until all jobs are done, for as long as there is progress.
pub(crate) async fn wait_until_drained(remaining: impl Fn() -> Remaining) {
    let mut before = remaining().await;
    while before > 0 {
        before = eventually(format!("a worker goes on, {before} jobs left"), STALL_LIMIT, || async {
            let now = remaining().await;
            (now < before || now == 0).then_some(now)
        })
        .await;
    }
}
