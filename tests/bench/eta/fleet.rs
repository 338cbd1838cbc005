//! A separate fleet under a steady backlog, and its predictions.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use shared::domain::clock;
use tests::chaos::endings::Endings;
use tests::client::ApiClient;
use tests::eventually::eventually;
use tests::keys::keys;
use tests::stack::{Stack, StackBuilder};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::judge::Promise;

/// Slots of a worker: few, so that a long backlog has few jobs and the cores are not the bottleneck.
pub(crate) const SLOTS: usize = 8;

/// Concurrent requests while a backlog is filled.
const CONCURRENCY: usize = 32;

/// How often the backlog is refilled. At least one job is added each time, even if none should wait.
const FEED_INTERVAL: Duration = Duration::from_millis(100);

/// Patients created in one call.
const PEOPLE: usize = 1_000;

/// A running fleet.
pub(crate) struct Fleet {
    /// The processes.
    pub(crate) stack: Stack,
    /// The target length of the queue.
    backlog: Arc<AtomicUsize>,
    promises: Promises,
    endings: Endings,
    feeder: JoinHandle<()>,
}

/// The predictions: the job, when it was accepted, and its `eta`, milliseconds since the epoch.
type Promises = Arc<Mutex<Vec<(String, u64, u64)>>>;

#[derive(Deserialize)]
struct Person {
    patient_id: Uuid,
    approval_id: Uuid,
}

/// Keeps the queue at its target length.
struct BacklogFeeder {
    client: ApiClient,
    redis: redis::aio::MultiplexedConnection,
    sandbox: String,
    people: VecDeque<Person>,
    backlog: Arc<AtomicUsize>,
    promises: Promises,
}

impl Fleet {
    /// One API and this many workers, with this many slots each; the gateway takes 50 to 300 ms per SMS, a look-up 30
    /// ms.
    pub(crate) async fn start(workers: usize, slots: usize) -> Self {
        let builder = StackBuilder::new()
            .workers(workers)
            .set("RESEND_WORKER_CONCURRENCY", slots)
            .set("RESEND_LIMIT_PER_CLIENT_MINUTE", 0)
            // Longer than the longest backlog, so that jobs are predicted and not refused.
            .set("RESEND_JOB_DEADLINE_SECONDS", 900)
            .set("RESEND_OTP_TTL_SECONDS", 900);
        let stack = builder.start().await;
        stack.set_faults(upstream_times()).await;
        let (backlog, promises) = (Arc::new(AtomicUsize::new(0)), Promises::default());
        let feeder = BacklogFeeder {
            client: stack.client(),
            redis: stack.redis.connection().await,
            sandbox: stack.sandbox.url.clone(),
            people: VecDeque::new(),
            backlog: backlog.clone(),
            promises: promises.clone(),
        };
        let endings = Endings::of(&stack.redis.url());
        Self { feeder: tokio::spawn(feeder.run()), stack, backlog, promises, endings }
    }

    /// Fills the backlog until a job waits about this long with this many slots.
    pub(crate) async fn fill_to_wait(&self, wait: Duration, slots: usize) {
        let run = self.mean_run().await;
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let jobs = (wait.as_secs_f64() / run * slots as f64) as usize;
        self.backlog.store(jobs, Ordering::Relaxed);
        eventually("the backlog is filled", Duration::from_mins(2), || async {
            (self.stack.redis.command::<usize>(&["XLEN", &keys().stream()]).await >= jobs).then_some(())
        })
        .await;
    }

    /// Mean length of a run in seconds, once enough were measured: the first ones use cold connections.
    async fn mean_run(&self) -> f64 {
        let read = ["HMGET", &keys().eta(), "seen", "run"];
        let run = eventually("runs were seen", Duration::from_mins(1), || async {
            let (seen, run): (Option<f64>, Option<f64>) = self.stack.redis.command(&read).await;
            run.filter(|_| seen.is_some_and(|seen| seen > 30.0))
        });
        run.await / 1_000.0
    }

    /// The predictions for jobs accepted in this time, with their actual ends; waits until all have ended.
    pub(crate) async fn promises_between(&self, from: Instant, until: Instant) -> Vec<Promise> {
        let epoch = |at: Instant| clock::now_ms() - millis(at.elapsed());
        let (from, until) = (epoch(from), epoch(until));
        let all = || self.promises.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let made: Vec<_> = all().into_iter().filter(|(_, at, _)| (from..until).contains(at)).collect();
        eventually("the promised jobs end", Duration::from_mins(10), || async {
            let ends = self.endings.seen();
            let judged = made
                .iter()
                .map(|(job, accepted, eta)| Some(Promise::new(*accepted, *eta, epoch(ends.get(job)?.at))));
            judged.collect()
        })
        .await
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.feeder.abort();
    }
}

impl BacklogFeeder {
    async fn run(mut self) {
        let mut tick = tokio::time::interval(FEED_INTERVAL);
        loop {
            tick.tick().await;
            let length: usize = redis::cmd("XLEN")
                .arg(keys().stream())
                .query_async(&mut self.redis)
                .await
                .unwrap_or(usize::MAX);
            let missing = self.backlog.load(Ordering::Relaxed).saturating_sub(length).clamp(1, PEOPLE);
            self.ask(missing).await;
        }
    }

    async fn ask(&mut self, jobs: usize) {
        if self.people.len() < jobs {
            let url = format!("{}/sandbox/approvals/bulk?count={PEOPLE}", self.sandbox);
            let made = reqwest::Client::new().post(url).send().await.expect("an answer");
            self.people.extend(made.json::<Vec<Person>>().await.expect("people"));
        }
        let (client, promises) = (&self.client, &self.promises);
        stream::iter(self.people.drain(..jobs))
            .for_each_concurrent(CONCURRENCY, |person| async move {
                let answer = client.resend(person.patient_id, person.approval_id).await;
                assert_eq!(answer.status, 202, "{}", answer.body);
                let eta = answer.body["data"]["eta"].as_str().and_then(clock::parse_iso).expect("an ETA");
                let job = answer.location().rsplit('/').next().unwrap_or_default().to_owned();
                let promise = (job, clock::now_ms(), eta);
                promises.lock().unwrap_or_else(PoisonError::into_inner).push(promise);
            })
            .await;
    }
}

/// One in five messages each takes 50, 100, 175, 250 and 300 ms; the first matching fault counts.
fn upstream_times() -> serde_json::Value {
    let sms = |delay_ms: u64, share: f64| json!({"target": "sms", "action": {"delay_ms": delay_ms}, "probability": share});
    let look_up = |target: &str| json!({"target": target, "action": {"delay_ms": 30}});
    json!([
        sms(50, 0.2),
        sms(100, 0.25),
        sms(175, 1.0 / 3.0),
        sms(250, 0.5),
        sms(300, 1.0),
        look_up("persons"),
        look_up("approvals"),
    ])
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
