//! (d) The real job, two look-ups and one message, against a bare reqwest loop with the same three calls, and against
//! the programs of an earlier commit.

use std::path::Path;
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
use super::backlog::{drain_rate, remaining_in};
use super::memory::{use_shipped_encodings, used};
use super::report::{Bound, Figure, Report};
use super::series::{median, rate, ratio, spread};
use super::usage::{Meter, peak_rss_mib};

const JOBS: usize = 10_000;

/// Concurrent calls: the slots of a worker.
const CONCURRENCY: usize = 64;

/// A patient created by the sandbox.
#[derive(Clone, Deserialize)]
pub(crate) struct Person {
    pub(crate) patient_id: Uuid,
    pub(crate) approval_id: Uuid,
    phone: String,
}

/// The sandbox as a separate process, so that neither side shares its runtime with it.
pub(crate) struct Sandbox {
    pub(crate) url: String,
    _process: Process,
}

/// The measurements of one build in one run.
struct JobCosts {
    rate: f64,
    /// CPU time per job of the worker and of Redis, from the first delivery to the last end, microseconds.
    cpu_us: Vec<f64>,
    rss_mib: f64,
    /// Commands that Redis ran for a job, from its PATCH to its end, including those within scripts.
    commands: f64,
    /// Keys that a job leaves behind.
    keys: f64,
    /// Bytes of Redis for an ended job, with its history and the records of its patient and phone.
    bytes: f64,
}

pub(crate) async fn measure(effort: Effort, before: Option<&Path>, report: &mut Report) {
    let jobs = effort.jobs(JOBS);
    let (mut ours, mut earlier, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for run in 1..=effort.runs {
        report.step(format!("real job, run {run}"));
        bare.push(bare_calls(jobs).await);
        if let Some(programs) = before {
            earlier.push(real_jobs(StackBuilder::new().programs(programs), jobs).await);
        }
        ours.push(real_jobs(StackBuilder::new(), jobs).await);
    }
    let rates = of(&ours, |run| run.rate);
    report.add(Figure {
        name: "real job / bare reqwest loop of the same three calls".into(),
        ours: rate(&rates),
        other: rate(&bare),
        value: ratio(&rates, &bare),
        bound: Bound::AtLeast(0.48),
    });
    add_compared(&ours, &earlier, report);
    let (now, before) = (of(&ours, |run| run.bytes), of(&earlier, |run| run.bytes));
    report.add(compared("Redis bytes per finished real job, with all its keys", &now, &before, "", 1.05));
    for (name, values, bound) in [
        ("RSS of a worker, its peak over real jobs, MiB", of(&ours, |run| run.rss_mib), 20.0),
        ("commands of Redis, a real job from PATCH to end", of(&ours, |run| run.commands), 22.0),
        ("keys a real job leaves", of(&ours, |run| run.keys), 4.0),
    ] {
        report.add(Figure {
            name: name.into(),
            ours: spread(&values, 1, ""),
            other: bound.to_string(),
            value: median(values),
            bound: Bound::AtMost(bound),
        });
    }
}

fn of(runs: &[JobCosts], part: fn(&JobCosts) -> f64) -> Vec<f64> {
    runs.iter().map(part).collect()
}

/// CPU of a job, next to the earlier commit's if there is one.
fn add_compared(ours: &[JobCosts], earlier: &[JobCosts], report: &mut Report) {
    for (whose, part, bound) in [("the worker", 0, 0.75), ("Redis", 1, 0.55)] {
        let cpu = |runs: &[JobCosts]| runs.iter().map(|run| run.cpu_us[part]).collect::<Vec<_>>();
        let name = format!("CPU of {whose}, a real job from fetch to end");
        report.add(compared(&name, &cpu(ours), &cpu(earlier), " µs", bound));
    }
}

/// A figure relative to the earlier commit's, with a limit on the ratio; shown alone if there is no earlier commit.
fn compared(name: &str, ours: &[f64], before: &[f64], unit: &str, bound: f64) -> Figure {
    let is_alone = before.is_empty();
    Figure {
        name: format!("{name} / the earlier commit"),
        ours: spread(ours, 0, unit),
        other: if is_alone { "not given".into() } else { spread(before, 0, unit) },
        value: if is_alone { median(ours.to_vec()) } else { ratio(ours, before) },
        bound: if is_alone { Bound::None } else { Bound::AtMost(bound) },
    }
}

#[allow(clippy::cast_precision_loss)]
async fn real_jobs(builder: StackBuilder, jobs: usize) -> JobCosts {
    let temp_dir = tests::temp_dir::TempDir::new().expect("a folder of its own");
    let sandbox = Sandbox::start(temp_dir.path()).await;
    let builder = builder
        .workers(0)
        .set("RESEND_LIMIT_PER_CLIENT_MINUTE", 0)
        .set("RESEND_AUTH_URL", format!("{}/oauth/introspect", sandbox.url))
        .set("RESEND_REGISTRY_URL", format!("{}/registry", sandbox.url))
        .set("RESEND_SMS_URL", format!("{}/sms/messages", sandbox.url));
    let mut stack = builder.start().await;
    use_shipped_encodings(&stack.redis).await;
    let empty = used(&stack.redis).await;
    let _: String = stack.redis.command(&["CONFIG", "RESETSTAT"]).await;
    accept_all(&stack, sandbox.people(jobs).await).await;
    let asked = commands(&stack).await;
    let remaining = remaining_in(stack.redis.connection().await);
    let _: String = stack.redis.command(&["CONFIG", "RESETSTAT"]).await;
    stack.add_worker(&[]).await;
    let worker = &stack.workers[0].process;
    let meter = Meter::start(&[worker, stack.redis.process()]);
    let rate = drain_rate(jobs, remaining).await;
    let cpu_us = meter.us_each(jobs as f64);
    let commands = (asked + commands(&stack).await) / jobs as f64;
    let keys: u64 = stack.redis.command(&["DBSIZE"]).await;
    let bytes = (used(&stack.redis).await - empty) / jobs as f64;
    JobCosts { rate, cpu_us, rss_mib: peak_rss_mib(worker), commands, keys: keys as f64 / jobs as f64, bytes }
}

/// Commands that Redis has run since the counters were reset, except the bench's own query for the length of the
/// stream.
async fn commands(stack: &Stack) -> f64 {
    let info: String = stack.redis.command(&["INFO", "commandstats"]).await;
    let calls = info.lines().filter_map(|line| {
        let (name, figures) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let calls = figures.split(',').next()?.parse::<f64>().ok()?;
        (name != "xlen").then_some(calls)
    });
    calls.sum()
}

async fn accept_all(stack: &Stack, people: Vec<Person>) {
    let client = stack.client();
    stream::iter(people)
        .for_each_concurrent(CONCURRENCY, |person| {
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
    let temp_dir = tests::temp_dir::TempDir::new().expect("a folder of its own");
    let sandbox = Sandbox::start(temp_dir.path()).await;
    let people = sandbox.people(jobs).await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let start = Instant::now();
    stream::iter(people)
        .for_each_concurrent(CONCURRENCY, |person| {
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
    /// Starts a sandbox; its ledger is `ledger.jsonl` in the folder.
    pub(crate) async fn start(folder: &Path) -> Self {
        let port = tests::process::free_port().expect("a free port");
        let ledger = folder.join("ledger.jsonl").display().to_string();
        let listen = format!("127.0.0.1:{port}");
        let arguments = ["--listen".to_owned(), listen, "--ledger".to_owned(), ledger];
        let log = folder.join("sandbox.log");
        let process = Process::start(&program("resend-sandbox"), &arguments, &[], &log).expect("the sandbox");
        let url = format!("http://127.0.0.1:{port}");
        eventually("the sandbox answers", Duration::from_secs(20), || async {
            reqwest::get(format!("{url}/healthz")).await.ok().filter(|answer| answer.status().is_success())
        })
        .await;
        Self { url, _process: process }
    }

    /// Creates this many patients with an open approval.
    pub(crate) async fn people(&self, jobs: usize) -> Vec<Person> {
        let url = format!("{}/sandbox/approvals/bulk?count={jobs}", self.url);
        let made = reqwest::Client::new().post(url).send().await.expect("an answer");
        made.json().await.expect("people")
    }
}
