//! (d) The real job, two look-ups and one message, against a bare reqwest loop making the same three calls.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use tests::eventually::eventually;
use tests::process::{Process, program};
use tests::stack::{Stack, StackBuilder};
use uuid::Uuid;

use super::Effort;
use super::report::{Asked, Figure, Report, median};

const JOBS: usize = 10_000;

/// Calls under way at once: the slots of a worker.
const AT_ONCE: usize = 64;

#[derive(Clone, Deserialize)]
struct Person {
    patient_id: Uuid,
    approval_id: Uuid,
    phone: String,
}

/// The sandbox as a process of its own, so that neither side shares its runtime with it.
struct Sandbox {
    url: String,
    _process: Process,
}

#[allow(clippy::cast_precision_loss)]
pub(crate) async fn measure(effort: Effort, report: &mut Report) {
    eprintln!("real job");
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..effort.runs {
        bare.push(JOBS as f64 / bare_calls().await.as_secs_f64());
        ours.push(JOBS as f64 / our_worker().await.as_secs_f64());
    }
    let ratios = ours.iter().zip(&bare).map(|(ours, bare)| ours / bare).collect();
    report.add(Figure {
        name: "real job / bare reqwest loop of the same three calls".into(),
        ours: format!("{:.0}/s", median(ours)),
        other: format!("{:.0}/s", median(bare)),
        value: median(ratios),
        asked: Asked::AtLeast(0.6),
    });
}

async fn our_worker() -> Duration {
    let place = tests::place::Place::new().expect("a folder of its own");
    let sandbox = Sandbox::start(place.path()).await;
    let builder = StackBuilder::new()
        .workers(0)
        .set("RESEND_LIMIT_PER_CLIENT_MINUTE", 0)
        .set("RESEND_AUTH_URL", format!("{}/oauth/introspect", sandbox.url))
        .set("RESEND_REGISTRY_URL", format!("{}/registry", sandbox.url))
        .set("RESEND_SMS_URL", format!("{}/sms/messages", sandbox.url));
    let mut stack = builder.start().await;
    let people = sandbox.people().await;
    accept_all(&stack, people).await;
    let start = Instant::now();
    stack.add_worker(&[]).await;
    eventually("the backlog drains", Duration::from_mins(5), || async {
        let left: u64 = stack.redis.command(&["XLEN", "resend:{0}:stream"]).await;
        (left == 0).then_some(())
    })
    .await;
    start.elapsed()
}

async fn accept_all(stack: &Stack, people: Vec<Person>) {
    let client = stack.client();
    stream::iter(people)
        .for_each_concurrent(AT_ONCE, |person| {
            let client = &client;
            async move {
                let answer = client.resend(person.patient_id, person.approval_id).await;
                assert_eq!(answer.status, 202, "{}", answer.body);
            }
        })
        .await;
}

async fn bare_calls() -> Duration {
    let place = tests::place::Place::new().expect("a folder of its own");
    let sandbox = Sandbox::start(place.path()).await;
    let people = sandbox.people().await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let start = Instant::now();
    stream::iter(people)
        .for_each_concurrent(AT_ONCE, |person| {
            let (http, url) = (&http, &sandbox.url);
            async move { three_calls(http, url, &person).await }
        })
        .await;
    start.elapsed()
}

async fn three_calls(http: &reqwest::Client, url: &str, person: &Person) {
    let Person { patient_id, approval_id, phone } = person;
    let get = |path: String| http.get(format!("{url}/registry/{path}")).bearer_auth("registry-token").send();
    let (one, two) = tokio::join!(
        get(format!("persons/{patient_id}")),
        get(format!("patients/{patient_id}/approvals/{approval_id}"))
    );
    for answer in [one, two] {
        let _: serde_json::Value = answer.expect("an answer").json().await.expect("JSON");
    }
    let message = json!({"to": phone, "from": "eHealth", "text": "Код: 123456", "reference": approval_id});
    let sent = http.post(format!("{url}/sms/messages")).bearer_auth("sms-token").json(&message).send().await;
    let _: serde_json::Value = sent.expect("an answer").json().await.expect("JSON");
}

impl Sandbox {
    async fn start(folder: &std::path::Path) -> Self {
        let port = tests::process::free_port().expect("a free port");
        let arguments = ["--listen".to_owned(), format!("127.0.0.1:{port}")];
        let log = folder.join("sandbox.log");
        let process = Process::start(&program("resend-sandbox"), &arguments, &[], &log).expect("the sandbox");
        let url = format!("http://127.0.0.1:{port}");
        eventually("the sandbox answers", Duration::from_secs(20), || async {
            reqwest::get(format!("{url}/healthz")).await.ok().filter(|answer| answer.status().is_success())
        })
        .await;
        Self { url, _process: process }
    }

    async fn people(&self) -> Vec<Person> {
        let url = format!("{}/sandbox/approvals/bulk?count={JOBS}", self.url);
        let made = reqwest::Client::new().post(url).send().await.expect("an answer");
        made.json().await.expect("people")
    }
}
