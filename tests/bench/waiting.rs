//! Waiting clients: how soon they learn of an end, and how much memory a long poll takes in the API.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use redis::streams::{StreamId, StreamReadReply};
use reqwest::Method;
use serde::Deserialize;
use shared::domain::message::Message;
use shared::domain::outcome::{Outcome, Refusal};
use shared::queue::{Delivery, GROUP, Queue};
use shared::settings::Settings;
use tests::client::{Answer, ApiClient};
use tests::eventually::eventually;
use tests::keys::keys;
use tests::stack::{Stack, StackBuilder};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::Effort;
use super::pickup::percentiles;
use super::report::{Bound, Figure, Report};
use super::server::queue_of;

/// Time between two ends.
const END_INTERVAL: Duration = Duration::from_millis(5);

/// The run time that is recorded for each job.
const RUN_TIME: Duration = Duration::from_millis(20);

/// A client in a long poll; returns the time of the answer.
type PollTask = JoinHandle<Instant>;

#[derive(Deserialize)]
struct Person {
    patient_id: Uuid,
    approval_id: Uuid,
}

pub(crate) async fn measure(effort: Effort, report: &mut Report) {
    let (waiters, polls) = (effort.jobs(1_000), effort.jobs(5_000));
    report.step(format!("{waiters} waiters"));
    let (p50, p99) = percentiles(notified_after_ms(waiters).await);
    for (name, value, bound) in [("p50", p50, Bound::None), ("p99", p99, Bound::AtMost(20.0))] {
        report.add(Figure {
            name: format!("finish to answer, {waiters} waiters on one API, {name}, ms"),
            ours: format!("{value:.2} ms"),
            other: "20 ms".into(),
            value,
            bound,
        });
    }
    report.step(format!("{polls} long polls"));
    let mib = resident_mib(polls).await;
    report.add(Figure {
        name: format!("RSS of an API that holds {polls} long polls, MiB"),
        ours: format!("{mib:.0} MiB"),
        other: "200 MiB".into(),
        value: mib,
        bound: Bound::AtMost(200.0),
    });
}

/// Milliseconds from the end of a job to the answer of the waiting client, with an end every 5 ms.
async fn notified_after_ms(waiters: usize) -> Vec<f64> {
    let stack = started().await;
    let (queue, waiting) = (queue(&stack), all_waiting(&stack, waiters).await);
    let (mut late, mut tick) = (Vec::with_capacity(waiters), tokio::time::interval(END_INTERVAL));
    for (delivery, poll) in waiting {
        tick.tick().await;
        finish(&queue, &delivery).await;
        let ended = Instant::now();
        let answered = poll.await.expect("an answer");
        late.push(answered.saturating_duration_since(ended).as_secs_f64() * 1_000.0);
    }
    late
}

/// Memory of the API while this many clients wait; each of them is answered.
async fn resident_mib(polls: usize) -> f64 {
    let stack = started().await;
    let (queue, waiting) = (queue(&stack), all_waiting(&stack, polls).await);
    let id = stack.apis[0].process.id().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok()).expect("a figure");
    stream::iter(&waiting).for_each_concurrent(64, |(delivery, _)| finish(&queue, delivery)).await;
    for (_, poll) in waiting {
        poll.await.expect("an answer");
    }
    kib / 1_024.0
}

async fn started() -> Stack {
    StackBuilder::new().workers(0).set("RESEND_LIMIT_PER_CLIENT_MINUTE", 0).start().await
}

fn queue(stack: &Stack) -> Queue {
    queue_of(&Settings::from_pairs(stack.settings().iter().cloned()).expect("right settings"))
}

async fn finish(queue: &Queue, delivery: &Delivery) {
    let end = Outcome::Refused(Refusal::PersonNotFound);
    queue.deliveries().finish(delivery, &end, RUN_TIME).await.expect("a running Redis");
}

/// Accepts this many jobs, delivers them all to this process, and makes a client wait for each. One client may have at
/// most a quarter of the 10,000 waits, so there are two.
async fn all_waiting(stack: &Stack, count: usize) -> Vec<(Delivery, PollTask)> {
    let clients = [stack.client(), stack.client().with_token("mis-b-token")];
    let url = format!("{}/sandbox/approvals/bulk?count={count}", stack.sandbox.url);
    let made = reqwest::Client::new().post(url).send().await.expect("an answer");
    let people: Vec<Person> = made.json().await.expect("people");
    for (client, people) in clients.iter().zip(people.chunks(count.div_ceil(2))) {
        stream::iter(people)
            .for_each_concurrent(32, async |person| {
                let answer = client.resend(person.patient_id, person.approval_id).await;
                assert_eq!(answer.status, 202, "{}", answer.body);
            })
            .await;
    }
    let mut waiting = Vec::with_capacity(count);
    let deliveries = deliver_all(stack, count).await;
    for (client, deliveries) in clients.iter().zip(deliveries.chunks(count.div_ceil(2))) {
        for some in deliveries.chunks(1_000) {
            waiting.extend(some.iter().map(|delivery| (delivery.clone(), poll(client, &delivery.message))));
            all_wait(stack, waiting.len()).await;
        }
    }
    waiting
}

async fn all_wait(stack: &Stack, clients: usize) {
    eventually("all of them wait", Duration::from_secs(20), || async {
        let metrics = stack.client().get("/metrics").await.body;
        let waiting = metrics.as_str()?.lines().find_map(|line| line.strip_prefix("resend_http_waiting "));
        (waiting?.parse() == Ok(clients)).then_some(())
    })
    .await;
}

fn poll(client: &ApiClient, message: &Message) -> PollTask {
    let request = client.request(Method::GET, &format!("/Jobs/{}", message.job)).header("prefer", "wait=30");
    tokio::spawn(async move {
        let answer = Answer::of(request).await;
        let answered = Instant::now();
        assert_eq!((answer.status.as_u16(), &answer.body["data"]["status"]), (200, &"failed".into()));
        answered
    })
}

async fn deliver_all(stack: &Stack, count: usize) -> Vec<Delivery> {
    queue(stack).deliveries().make_group().await.expect("a running Redis");
    let mut read = redis::cmd("XREADGROUP");
    read.arg("GROUP").arg(GROUP).arg("w1").arg("COUNT").arg(count).arg("STREAMS");
    read.arg(keys().stream()).arg(">");
    let reply: StreamReadReply =
        read.query_async(&mut stack.redis.connection().await).await.expect("a running Redis");
    let delivery = |entry: &StreamId| Delivery {
        message: Message::decode(&entry.get::<Vec<u8>>("m").expect("a message")).expect("of this build"),
        accepted_ms: entry.get("at").expect("a time"),
        entry: entry.id.clone(),
        consumer: "w1".into(),
        number: 1,
    };
    reply.keys[0].ids.iter().map(delivery).collect()
}
