//! `/metrics` of both programs: everything in the contract, with its help text, and no personal data in a label.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use reqwest::StatusCode;
use tests::client::ApiClient;
use tests::eventually::eventually;
use tests::sandbox::scenarios::scenarios;
use tests::stack::{Member, Stack, StackBuilder};

const SOON: Duration = Duration::from_secs(15);

/// The contract's list (section 7), with the type each has.
const LISTED: [(&str, &str); 23] = [
    ("resend_queue_jobs", "gauge"),
    ("resend_queue_oldest_seconds", "gauge"),
    ("resend_jobs_accepted_total", "counter"),
    ("resend_jobs_finished_total", "counter"),
    ("resend_job_wait_seconds", "histogram"),
    ("resend_job_run_seconds", "histogram"),
    ("resend_job_deliveries", "histogram"),
    ("resend_sms_total", "counter"),
    ("resend_sms_seconds", "histogram"),
    ("resend_upstream_seconds", "histogram"),
    ("resend_limit_hits_total", "counter"),
    ("resend_http_requests_total", "counter"),
    ("resend_http_seconds", "histogram"),
    ("resend_workers", "gauge"),
    ("resend_eta_error_seconds", "histogram"),
    ("resend_http_waiting", "gauge"),
    ("resend_build_info", "gauge"),
    // Not in the list: alerts and panels use these.
    ("resend_http_connections", "gauge"),
    ("resend_http_connections_refused_total", "counter"),
    ("resend_http_in_flight", "gauge"),
    ("resend_http_bound", "gauge"),
    ("resend_http_refused_total", "counter"),
    ("resend_upstream_down", "gauge"),
];

/// The allowed labels; any other could contain anything.
const LABELS: [&str; 15] = [
    "state",
    "status_code",
    "channel",
    "result",
    "service",
    "limit",
    "route",
    "method",
    "code",
    "le",
    "server",
    "reason",
    "version",
    "upstream",
    "phase",
];

async fn scrape(member: &Member) -> String {
    let answer = ApiClient::new(&member.url, "").get("/metrics").await;
    answer.body.as_str().expect("text").to_owned()
}

/// The value of a line that begins so.
fn value(text: &str, series: &str) -> Option<f64> {
    let line =
        text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// Runs every scenario once, and one of them twice, so that a limit is met.
async fn run_everything(stack: &Stack) {
    let client = stack.client();
    for scenario in scenarios() {
        let answer = client.resend(scenario.patient_id, scenario.approval_id).await;
        if answer.status == StatusCode::ACCEPTED {
            client.end_of(&answer.location(), SOON).await;
        }
    }
    let again = scenarios().swap_remove(0);
    assert_eq!(client.resend(again.patient_id, again.approval_id).await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_of_the_contract_is_there_after_a_run_and_names_nobody() {
    let stack = Stack::start().await;
    run_everything(&stack).await;
    let text = scrape(&stack.apis[0]).await + &scrape(&stack.workers[0]).await;
    for (name, kind) in LISTED {
        assert!(text.contains(&format!("# TYPE {name} {kind}\n")), "{name} is no {kind}:\n{text}");
        assert!(text.contains(&format!("# HELP {name} ")), "{name} says nothing of itself");
    }
    for state in ["ready", "running", "scheduled", "quarantined"] {
        assert_eq!(value(&text, &format!("resend_queue_jobs{{state=\"{state}\"}}")), Some(0.0), "{state}");
    }
    assert_eq!(value(&text, "resend_upstream_down{upstream=\"registry\"}"), Some(0.0), "{text}");
    assert_eq!(value(&text, "resend_queue_orphaned_jobs"), Some(0.0), "{text}");
    assert_eq!(value(&text, "resend_former_phones_total"), Some(1.0), "{text}");
    let abroad = "resend_limit_hits_total{limit=\"country_not_allowed\"}";
    assert_eq!(value(&text, abroad), Some(1.0), "{text}");
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((_, labels)) = line.split_once('{') else { continue };
        let (labels, _) = labels.rsplit_once('}').unwrap();
        for pair in labels.split("\",") {
            let (label, value) = pair.trim_end_matches('"').split_once("=\"").unwrap();
            assert!(LABELS.contains(&label), "{line}");
            values.entry(label.to_owned()).or_default().insert(value.to_owned());
        }
    }
    for (label, values) in &values {
        assert!(values.len() <= 24, "{label} takes too many values: {values:?}");
        let personal = |value: &String| value.contains("+38") || uuid_like(value);
        assert!(!values.iter().any(personal), "{label}: {values:?}");
    }
    stack.stop().await;
}

fn uuid_like(value: &str) -> bool {
    value.split('/').any(|part| part.len() == 36 && part.matches('-').count() == 4)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_looks_the_same_from_every_process() {
    let stack = StackBuilder::new().workers(2).start().await;
    let everybody = || stack.apis.iter().chain(&stack.workers);
    for member in everybody() {
        eventually("both workers are counted once", SOON, || async {
            (value(&scrape(member).await, "resend_workers") == Some(2.0)).then_some(())
        })
        .await;
        let text = scrape(member).await;
        assert_eq!(value(&text, "resend_redis_up"), Some(1.0));
        assert_eq!(value(&text, "resend_queue_paused"), Some(0.0));
    }
    for member in &stack.apis {
        eventually("redis is looked at", SOON, || async {
            (value(&scrape(member).await, "resend_redis_unsafe") == Some(0.0)).then_some(())
        })
        .await;
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_the_figures_are_not_numbers() {
    let mut stack = StackBuilder::new().workers(0).start().await;
    assert_eq!(value(&scrape(&stack.apis[0]).await, "resend_redis_up"), Some(1.0));
    stack.redis.kill().await;
    let text = eventually("it is noticed", SOON, || async {
        let text = scrape(&stack.apis[0]).await;
        (value(&text, "resend_redis_up") == Some(0.0)).then_some(text)
    })
    .await;
    assert!(value(&text, "resend_workers").unwrap().is_nan(), "{text}");
    assert!(value(&text, "resend_queue_jobs{state=\"ready\"}").unwrap().is_nan());
    stack.redis.restart().await;
    stack.stop().await;
}
