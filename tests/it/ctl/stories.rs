//! The history of a job after each kind of end, as `resendctl jobs show` prints it.

use std::time::Duration;

use serde_json::{Value, json};
use tests::eventually::eventually;
use tests::sandbox::scenarios::{Expected, Scenario, scenarios};
use tests::stack::{Stack, StackBuilder};

use super::program::{ctl, json as ctl_json};

const SOON: Duration = Duration::from_secs(20);

async fn accept(stack: &Stack, scenario: &Scenario) -> String {
    let accepted = stack.client().resend(scenario.patient_id, scenario.approval_id).await;
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    accepted.location()
}

async fn told(stack: &Stack, job: &str) -> String {
    stack.client().end_of(job, SOON).await;
    ctl(stack, &["jobs", "show", job], 0).await
}

fn assert_tells(story: &str, parts: &[&str]) {
    for part in parts {
        assert!(story.contains(part), "no {part:?} in:\n{story}");
    }
}

/// Approvals that can be sent, each to be used once.
fn sendable() -> impl Iterator<Item = Scenario> {
    scenarios().into_iter().filter(|one| matches!(one.expected, Expected::Sent { .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_job_says_what_its_client_reads() {
    let stack = Stack::start().await;
    for scenario in scenarios() {
        let Expected::Refused { status_code, reason, message, .. } = &scenario.expected else { continue };
        let answer = stack.client().resend(scenario.patient_id, scenario.approval_id).await;
        if answer.status == 202 {
            let story = told(&stack, &answer.location()).await;
            let ended = format!("Failed with {status_code}, {reason}");
            assert_tells(
                &story,
                &[&ended, &format!("The client reads: {message}"), "accepted from mis-a, request "],
            );
        }
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_sent_or_put_back_says_so() {
    let stack = Stack::start().await;
    let mut people = sendable();
    let job = accept(&stack, &people.next().unwrap()).await;
    let sent = ["Processed: the message was sent", "handed to a gateway once", "accepted from mis-a"];
    assert_tells(&told(&stack, &job).await, &sent);

    let busy = json!([{"target": "sms", "action": {"status": 429, "retry_after": 1}, "times": 1}]);
    stack.set_faults(busy).await;
    let job = accept(&stack, &people.next().unwrap()).await;
    let story = told(&stack, &job).await;
    assert_tells(&story, &["Processed: the message was sent", ", the last time because: upstream_failed"]);
    stack.set_faults(json!([])).await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_says_who_cancelled_it_and_why() {
    // No worker, so that it waits.
    let stack = StackBuilder::new().workers(0).start().await;
    let job = accept(&stack, &sendable().next().unwrap()).await;
    let cancel = ["jobs", "cancel", &job, "--yes", "--because", "asked by the clinic"];
    ctl(&stack, &cancel, 0).await;
    let parts = ["Failed with 409, cancelled", "cancelled by ", ": asked by the clinic"];
    assert_tells(&told(&stack, &job).await, &parts);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_failed_for_an_upstream_says_which_and_why() {
    let stack = StackBuilder::new().set("RESEND_JOB_DEADLINE_SECONDS", 5).start().await;
    let mut people = sendable();
    stack.set_faults(json!([{"target": "persons", "action": {"status": 500}}])).await;
    let job = accept(&stack, &people.next().unwrap()).await;
    assert_tells(&told(&stack, &job).await, &["Failed with 502, upstream_failed", "put back ", "because: "]);
    stack.set_faults(json!([{"target": "persons", "action": {"hang": true}}])).await;
    let job = accept(&stack, &people.next().unwrap()).await;
    assert_tells(&told(&stack, &job).await, &["Failed with 504, upstream_silent"]);
    stack.set_faults(json!([{"target": "sms", "action": {"status": 401}}])).await;
    let job = accept(&stack, &people.next().unwrap()).await;
    assert_tells(
        &told(&stack, &job).await,
        &["Failed with 502, upstream_failed", "handed to a gateway once"],
    );
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_no_worker_survived_says_so() {
    let stack =
        StackBuilder::new().set("RESEND_LEASE_SECONDS", 2).set("RESEND_MAX_DELIVERIES", 1).start().await;
    let mut stack = stack;
    stack.set_faults(json!([{"target": "sms", "action": {"hang": true}}])).await;
    let job = accept(&stack, &sendable().next().unwrap()).await;
    eventually("it is in a worker's hands", SOON, || async {
        (ctl_json(&stack, &["jobs", "show", &job]).await["state"] == "sending").then_some(())
    })
    .await;
    stack.workers[0].process.kill().await;
    stack.workers.clear();
    stack.add_worker(&[]).await;
    let story = told(&stack, &job).await;
    assert_tells(&story, &["Failed with 500, quarantined", "handed to a gateway once"]);
    let shown: Value = ctl_json(&stack, &["jobs", "show", &job]).await;
    assert!(shown["story"].as_array().unwrap().len() >= 3 && shown["message"].is_string(), "{shown}");
    let listed = ctl_json(&stack, &["jobs", "list", "--reason", "quarantined"]).await;
    assert_eq!(listed[0]["job"], shown["job"], "{listed}");
    stack.stop().await;
}
