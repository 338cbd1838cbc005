//! How waiting scales, measured from outside: clients that wait at once on one process, and how soon they learn of
//! an end.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use redis::streams::StreamReadReply;
use reqwest::Method;
use shared::domain::message::Message;
use shared::queue::{Delivery, GROUP};
use tests::client::{Answer, ApiClient};
use tests::eventually::eventually;
use tests::keys::keys;
use tests::stack::{Stack, StackBuilder};
use tokio::task::JoinHandle;

use crate::promptness::{people, queue};
use crate::test_queue::refused;

/// A client in the middle of a long poll; ends with when it was answered.
type Waiting = JoinHandle<Instant>;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_waiters_learn_of_an_end_within_20_ms() {
    const WAITERS: usize = 1_000;
    let stack = started().await;
    let (deliveries, waiting) = all_waiting(&stack, WAITERS).await;
    let queue = queue(&stack);
    let mut late = Vec::with_capacity(WAITERS);
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    for (delivery, waiting) in deliveries.iter().zip(waiting) {
        tick.tick().await;
        queue.deliveries().finish(delivery, &refused(), Duration::from_millis(20)).await.unwrap();
        let ended = Instant::now();
        late.push(waiting.await.unwrap().saturating_duration_since(ended));
    }
    late.sort();
    let (p50, p99) = (late[WAITERS / 2], late[WAITERS * 99 / 100]);
    println!(
        "finish to answer, {WAITERS} waiters on one API, one end every 5 ms: p50 {p50:.2?}, p99 {p99:.2?}"
    );
    assert!(p99 <= Duration::from_millis(20), "{p99:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_holds_5_000_long_polls_and_answers_them_all() {
    const WAITERS: usize = 5_000;
    let stack = started().await;
    let before = resident(&stack);
    let (deliveries, waiting) = all_waiting(&stack, WAITERS).await;
    let during = resident(&stack);
    let (queue, start) = (queue(&stack), Instant::now());
    let finish = |delivery| {
        let queue = queue.clone();
        async move { queue.deliveries().finish(delivery, &refused(), Duration::from_millis(20)).await.unwrap() }
    };
    stream::iter(&deliveries).map(finish).buffer_unordered(64).collect::<Vec<_>>().await;
    let finished = start.elapsed();
    for waiting in waiting {
        waiting.await.unwrap();
    }
    println!(
        "{WAITERS} long polls on one API: {before} KiB resident before, {during} while they wait ({} a poll with its \
         connection); all ended in {finished:.1?}, all answered {:.1?} later",
        (during - before) * 1_024 / WAITERS as u64,
        start.elapsed().saturating_sub(finished)
    );
    assert!(during < 200 * 1_024, "{during} KiB");
}

async fn started() -> Stack {
    StackBuilder::new().workers(0).set("RESEND_LIMIT_PER_CLIENT_MINUTE", 0).start().await
}

/// Accepts so many jobs, delivers them all to this process, and has a client wait for each.
async fn all_waiting(stack: &Stack, count: usize) -> (Vec<Delivery>, Vec<Waiting>) {
    let people = people(stack, count).await;
    // A client has at most a quarter of the 10,000 waits, and of the requests worked on.
    let halves = [stack.client(), stack.client().with_token("mis-b-token")];
    for (client, people) in halves.iter().zip(people.chunks(count / 2)) {
        let accepted = stream::iter(people).map(async |person| {
            let answer = client.resend(person.patient_id, person.approval_id).await;
            assert_eq!(answer.status, 202, "{}", answer.body);
        });
        accepted.buffer_unordered(32).collect::<Vec<_>>().await;
    }
    let deliveries = deliver_all(stack, count).await;
    let mut waiting: Vec<Waiting> = Vec::with_capacity(count);
    for (client, deliveries) in halves.iter().zip(deliveries.chunks(count / 2)) {
        for some in deliveries.chunks(1_000) {
            waiting.extend(some.iter().map(|delivery| poll(client, &delivery.message)));
            all_wait(stack, waiting.len()).await;
        }
    }
    (deliveries, waiting)
}

/// Waits until so many clients wait for jobs.
pub(crate) async fn all_wait(stack: &Stack, clients: usize) {
    eventually("all of them wait", Duration::from_secs(20), || async {
        let metrics = stack.client().get("/metrics").await.body;
        (metrics.as_str().and_then(waits) == Some(clients)).then_some(())
    })
    .await;
}

fn poll(client: &ApiClient, message: &Message) -> Waiting {
    let request = client.request(Method::GET, &format!("/Jobs/{}", message.job)).header("prefer", "wait=30");
    tokio::spawn(async move {
        let answer = Answer::of(request).await;
        let answered = Instant::now();
        assert_eq!((answer.status.as_u16(), &answer.body["data"]["status"]), (200, &"failed".into()));
        answered
    })
}

async fn deliver_all(stack: &Stack, count: usize) -> Vec<Delivery> {
    queue(stack).deliveries().make_group().await.unwrap();
    let mut read = redis::cmd("XREADGROUP");
    read.arg("GROUP").arg(GROUP).arg("w1").arg("COUNT").arg(count).arg("STREAMS");
    read.arg(keys().stream()).arg(">");
    let reply: StreamReadReply = read.query_async(&mut stack.redis.connection().await).await.unwrap();
    let delivery = |entry: &redis::streams::StreamId| Delivery {
        message: Message::decode(&entry.get::<Vec<u8>>("m").unwrap()).unwrap(),
        accepted_ms: entry.get("at").unwrap(),
        entry: entry.id.clone(),
        consumer: "w1".into(),
        number: 1,
    };
    let deliveries: Vec<_> = reply.keys[0].ids.iter().map(delivery).collect();
    assert_eq!(deliveries.len(), count);
    deliveries
}

/// How many clients wait, by the metrics.
fn waits(metrics: &str) -> Option<usize> {
    metrics.lines().find_map(|line| line.strip_prefix("resend_http_waiting "))?.parse().ok()
}

/// Resident memory of the API in KiB.
fn resident(stack: &Stack) -> u64 {
    let id = stack.apis[0].process.id().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
