//! (j) The country's peak: 200 requests a second for a minute, with everything on this machine: Redis, API, worker, the
//! clients, a registry that takes 5 ms and a gateway that takes 50 ms.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::domain::clock::now_ms;
use tests::client::ApiClient;
use tests::eventually::eventually;
use tests::stack::StackBuilder;
use tokio::task::JoinSet;

use super::Effort;
use super::backlog::{remaining_in, wait_until_drained};
use super::pickup::percentiles;
use super::real::{Person, Sandbox};
use super::report::{Bound, Figure, Report};
use super::series::{median, spread};

/// Requests a second: the estimated peak of the country.
const RATE: usize = 200;

/// Duration in seconds.
const SECONDS: usize = 60;

/// A request that was answered 202.
struct Accepted {
    job: String,
    /// When it was sent, by the clock of this machine, milliseconds since the epoch.
    sent_ms: u64,
    answered_after_ms: f64,
}

pub(crate) async fn measure(effort: Effort, report: &mut Report) {
    let (mut answers, mut messages) = (Vec::new(), Vec::new());
    for run in 1..=effort.runs {
        report.step(format!("the country's peak, run {run}"));
        let (answer, message) = peak(effort.jobs(RATE * SECONDS)).await;
        answers.push(answer);
        messages.push(message);
    }
    for (name, values, bound) in [("PATCH", answers, 5.0), ("PATCH → message", messages, 80.0)] {
        report.add(Figure {
            name: format!("{name} at {RATE}/s, p99, ms"),
            ours: spread(&values, 1, " ms"),
            other: format!("{bound} ms"),
            value: median(values),
            bound: Bound::AtMost(bound),
        });
    }
}

/// The 99th percentiles: until the answer, and until the gateway has the message.
async fn peak(requests: usize) -> (f64, f64) {
    let temp_dir = tests::temp_dir::TempDir::new().expect("a folder of its own");
    let ledger = temp_dir.path().join("ledger.jsonl");
    let sandbox = Sandbox::start(temp_dir.path()).await;
    slow(&sandbox.url).await;
    let stack = StackBuilder::new()
        .set("RESEND_LIMIT_PER_CLIENT_MINUTE", 0)
        .set("RESEND_AUTH_URL", format!("{}/oauth/introspect", sandbox.url))
        .set("RESEND_REGISTRY_URL", format!("{}/registry", sandbox.url))
        .set("RESEND_SMS_URL", format!("{}/sms/messages", sandbox.url))
        .start()
        .await;
    let accepted = ask(&stack.client(), sandbox.people(requests).await).await;
    wait_until_drained(remaining_in(stack.redis.connection().await)).await;
    let taken = eventually("every message is in the ledger", Duration::from_secs(10), || async {
        let text = std::fs::read_to_string(&ledger).unwrap_or_default();
        let taken = text.lines().map(times_of).collect::<HashMap<_, _>>();
        (taken.len() == requests).then_some(taken)
    })
    .await;
    #[allow(clippy::cast_precision_loss)]
    let until_message = accepted.iter().map(|one| taken[&one.job].saturating_sub(one.sent_ms) as f64);
    let until_message = percentiles(until_message.collect()).1;
    (percentiles(accepted.iter().map(|one| one.answered_after_ms).collect()).1, until_message)
}

/// Makes registry and gateway take their time.
async fn slow(sandbox: &str) {
    let late = |target: &str, ms: u64| json!({"target": target, "action": {"delay_ms": ms}});
    let faults = json!([late("persons", 5), late("approvals", 5), late("sms", 50)]);
    let put = ApiClient::new(sandbox, "").request(reqwest::Method::PUT, "/sandbox/faults").json(&faults);
    assert!(put.send().await.is_ok_and(|answer| answer.status().is_success()), "{faults}");
}

/// Sends each request at its time, whether or not earlier ones were answered.
async fn ask(client: &ApiClient, people: Vec<Person>) -> Vec<Accepted> {
    let mut asked = JoinSet::new();
    let mut tick = tokio::time::interval(Duration::from_secs(1) / u32::try_from(RATE).expect("a small rate"));
    for person in people {
        tick.tick().await;
        let client = client.clone();
        asked.spawn(async move {
            let (sent_ms, start) = (now_ms(), Instant::now());
            let answer = client.resend(person.patient_id, person.approval_id).await;
            assert_eq!(answer.status, 202, "{}", answer.body);
            let job = answer.location().rsplit('/').next().expect("a link").to_owned();
            Accepted { job, sent_ms, answered_after_ms: start.elapsed().as_secs_f64() * 1_000.0 }
        });
    }
    asked.join_all().await
}

/// Job and time of a line of the ledger.
fn times_of(line: &str) -> (String, u64) {
    let line: Value = serde_json::from_str(line).expect("a line of JSON");
    let job = line["reference"].as_str().expect("a reference").to_owned();
    (job, line["ts"].as_u64().expect("a time"))
}
