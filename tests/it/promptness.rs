//! How prompt the queue is, measured from outside: pick-up of single jobs, the whole job on an idle system, and a
//! backlog drained without a loss.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use serde::Deserialize;
use shared::domain::outcome::{Outcome, Refusal};
use shared::queue::{JobDisposition, Queue};
use shared::redis::Redis;
use shared::settings::{QueueConfig, RedisConfig, Settings};
use tests::client::ApiClient;
use tests::eventually::eventually;
use tests::keys::keys;
use tests::sandbox::scenarios::scenarios;
use tests::stack::{Stack, StackBuilder};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker::runner::{WorkerRunner, unique_name};

#[derive(Clone, Deserialize)]
pub(crate) struct Person {
    pub(crate) patient_id: Uuid,
    pub(crate) approval_id: Uuid,
}

/// So many patients with an approval each, made by the sandbox.
pub(crate) async fn people(stack: &Stack, count: usize) -> Vec<Person> {
    shared::runtime::tls::install_crypto_provider();
    let url = format!("{}/sandbox/approvals/bulk?count={count}", stack.sandbox.url);
    let made = reqwest::Client::new().post(url).send().await.unwrap();
    made.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_system_has_done_the_job_within_a_second() {
    let stack = Stack::start().await;
    let plain = scenarios().swap_remove(0);
    let start = Instant::now();
    let ended = stack.client().resend_to_end(plain.patient_id, plain.approval_id).await;
    let took = start.elapsed();
    assert_eq!(ended.body["data"]["status"], "processed");
    println!("first job of a fresh system, PATCH to result: {} ms", took.as_millis());
    assert!(took < Duration::from_secs(1), "{took:?}");
    stack.stop().await;
}

/// 300 jobs at 50 a second. The worker is this process, so that the start of a handler is seen by the clock that saw
/// the PATCH leave: the figure holds the whole request besides the pick-up.
#[tokio::test(flavor = "multi_thread")]
async fn single_jobs_are_picked_up_at_once() {
    const JOBS: usize = 300;
    const EVERY: Duration = Duration::from_millis(20);
    let stack = StackBuilder::new().workers(0).start().await;
    let (queue, stop) = (queue(&stack), CancellationToken::new());
    let (started, mut starts) = mpsc::unbounded_channel();
    let worker = WorkerRunner { queue, name: unique_name(), concurrency: 64 };
    let working = tokio::spawn(worker.run(
        move |held, _| {
            started.send((held.delivery().message.approval.0, Instant::now())).unwrap();
            async { JobDisposition::End(Outcome::Refused(Refusal::PersonNotFound)) }
        },
        stop.clone(),
    ));

    let client = stack.client();
    let mut waits = Vec::with_capacity(JOBS);
    let mut tick = tokio::time::interval(EVERY);
    for person in people(&stack, JOBS).await {
        tick.tick().await;
        let sent = Instant::now();
        let client = client.clone();
        let accepted =
            tokio::spawn(async move { client.resend(person.patient_id, person.approval_id).await });
        let (approval, start) = starts.recv().await.unwrap();
        assert_eq!(approval, person.approval_id);
        waits.push(start - sent);
        assert_eq!(accepted.await.unwrap().status, 202);
    }
    waits.sort();
    let (p50, p99) = (waits[JOBS / 2], waits[JOBS * 99 / 100]);
    println!("pick-up, PATCH sent to handler start, {JOBS} jobs at 50/s: p50 {p50:.2?}, p99 {p99:.2?}");
    assert!(p50 <= Duration::from_millis(5), "p50 {p50:?}");
    assert!(p99 <= Duration::from_millis(20), "p99 {p99:?}");
    stop.cancel();
    working.await.unwrap().unwrap();
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_of_20_000_drains_with_one_worker_and_nothing_is_lost() {
    const JOBS: usize = 20_000;
    let mut stack = StackBuilder::new().workers(0).set("RESEND_LIMIT_PER_CLIENT_MINUTE", 0).start().await;
    let jobs = accept_all(&stack.client(), people(&stack, JOBS).await).await;
    assert_eq!(jobs.len(), JOBS);

    let start = Instant::now();
    stack.add_worker(&[]).await;
    eventually("the backlog drains", Duration::from_mins(4), || async {
        let left: u64 = stack.redis.command(&["XLEN", &keys().stream()]).await;
        (left == 0).then_some(())
    })
    .await;
    let took = start.elapsed();
    #[allow(clippy::cast_precision_loss)]
    let rate = JOBS as f64 / took.as_secs_f64();
    println!("backlog of {JOBS} real jobs drained by one worker in {took:.1?} ({rate:.0} jobs/s)");
    let sent = stack.ledger();
    let references: HashSet<_> =
        sent.iter().map(|message| message["reference"].as_str().unwrap().to_owned()).collect();
    assert_eq!((sent.len(), references), (JOBS, jobs), "messages, and the jobs they are for");
    stack.stop().await;
}

/// Asks for all, 64 at a time; answers the jobs.
async fn accept_all(client: &ApiClient, people: Vec<Person>) -> HashSet<String> {
    let accepted = stream::iter(people).map(|person| async move {
        let answer = client.resend(person.patient_id, person.approval_id).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        answer.location().trim_start_matches("/Jobs/").to_owned()
    });
    accepted.buffer_unordered(64).collect().await
}

/// The queue as the programs of this stack have it.
pub(crate) fn queue(stack: &Stack) -> Queue {
    let settings = Settings::from_pairs(stack.settings().iter().cloned()).unwrap();
    let redis = Redis::new(&RedisConfig::from_settings(&settings).unwrap()).unwrap();
    Queue::new(redis, QueueConfig::from_settings(&settings).unwrap())
}
