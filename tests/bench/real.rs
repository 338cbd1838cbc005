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
use super::backlog::{drain_rate, left_in};
use super::report::{Asked, Figure, Report};
use super::series::{median, rate, ratio, spread};
use super::usage::{Meter, peak_rss_mib};

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

/// What our worker showed in one run.
struct Worked {
    rate: f64,
    /// CPU time per job of the worker and of Redis, microseconds.
    cpu_us: Vec<f64>,
    rss_mib: f64,
}

pub(crate) async fn measure(effort: Effort, report: &mut Report) {
    let jobs = effort.jobs(JOBS);
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for run in 1..=effort.runs {
        report.step(format!("real job, run {run}"));
        bare.push(bare_calls(jobs).await);
        ours.push(our_worker(jobs).await);
    }
    let of = |part: fn(&Worked) -> f64| ours.iter().map(part).collect::<Vec<_>>();
    let (rates, rss) = (of(|run| run.rate), of(|run| run.rss_mib));
    let (worker, redis) = (of(|run| run.cpu_us[0]), of(|run| run.cpu_us[1]));
    let cpu = format!("{} + {}", spread(&worker, 0, ""), spread(&redis, 0, " µs"));
    report.add(Figure {
        name: "real job / bare reqwest loop of the same three calls".into(),
        ours: format!("{}, CPU {cpu}", rate(&rates)),
        other: rate(&bare),
        value: ratio(&rates, &bare),
        asked: Asked::AtLeast(0.6),
    });
    report.add(Figure {
        name: "RSS of a worker, its peak over real jobs, MiB".into(),
        ours: spread(&rss, 1, ""),
        other: "20".into(),
        value: median(rss),
        asked: Asked::AtMost(20.0),
    });
}

#[allow(clippy::cast_precision_loss)]
async fn our_worker(jobs: usize) -> Worked {
    let place = tests::place::Place::new().expect("a folder of its own");
    let sandbox = Sandbox::start(place.path()).await;
    let builder = StackBuilder::new()
        .workers(0)
        .set("RESEND_LIMIT_PER_CLIENT_MINUTE", 0)
        .set("RESEND_AUTH_URL", format!("{}/oauth/introspect", sandbox.url))
        .set("RESEND_REGISTRY_URL", format!("{}/registry", sandbox.url))
        .set("RESEND_SMS_URL", format!("{}/sms/messages", sandbox.url));
    let mut stack = builder.start().await;
    accept_all(&stack, sandbox.people(jobs).await).await;
    let left = left_in(stack.redis.connection().await);
    stack.add_worker(&[]).await;
    let worker = &stack.workers[0].process;
    let meter = Meter::start(&[worker, stack.redis.process()]);
    let rate = drain_rate(jobs, left).await;
    Worked { rate, cpu_us: meter.us_each(jobs as f64), rss_mib: peak_rss_mib(worker) }
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

#[allow(clippy::cast_precision_loss)]
async fn bare_calls(jobs: usize) -> f64 {
    let place = tests::place::Place::new().expect("a folder of its own");
    let sandbox = Sandbox::start(place.path()).await;
    let people = sandbox.people(jobs).await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let start = Instant::now();
    stream::iter(people)
        .for_each_concurrent(AT_ONCE, |person| {
            let (http, url) = (&http, &sandbox.url);
            async move { three_calls(http, url, &person).await }
        })
        .await;
    jobs as f64 / start.elapsed().as_secs_f64()
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

    async fn people(&self, jobs: usize) -> Vec<Person> {
        let url = format!("{}/sandbox/approvals/bulk?count={jobs}", self.url);
        let made = reqwest::Client::new().post(url).send().await.expect("an answer");
        made.json().await.expect("people")
    }
}
