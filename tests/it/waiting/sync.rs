//! A PATCH that waits for its result: when it does, and every answer it then can give.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::json;
use tests::client::{Answer, ApiClient, resend_path};
use tests::eventually::eventually;
use tests::sandbox::scenarios::{Expected, Scenario, scenarios};
use tests::stack::{Stack, StackBuilder};
use uuid::Uuid;

use super::plain;
use crate::limits::approval;

fn named(name: &str) -> Scenario {
    scenarios().into_iter().find(|scenario| scenario.name == name).unwrap()
}

fn patch(stack: &Stack, scenario: &Scenario, prefer: &str) -> RequestBuilder {
    let path = resend_path(scenario.patient_id, scenario.approval_id);
    stack.client().request(Method::PATCH, &path).header("prefer", prefer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_that_waits_answers_201_with_the_approval() {
    let stack = Stack::start().await;
    let scenario = plain();
    let answer = Answer::of(patch(&stack, &scenario, "wait=10").header("x-request-id", "req-1")).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    assert_eq!(answer.header("preference-applied"), Some("wait=2"), "as long as the server allows");
    assert_eq!(answer.body["data"]["id"], json!(scenario.approval_id));
    let url = format!("{}{}", stack.apis[0].url, resend_path(scenario.patient_id, scenario.approval_id));
    let meta = json!({"code": 201, "url": url, "type": "object", "request_id": "req-1"});
    assert_eq!(answer.body["meta"], meta);
    let method = &answer.body["data"]["authentication_method_current"];
    assert!(method["number"].as_str().unwrap().contains("*****"), "{method}");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_that_waits_answers_the_jobs_own_error() {
    let stack = StackBuilder::new()
        .set("RESEND_JOB_DEADLINE_SECONDS", 3)
        .set("RESEND_SYNC_MAX_WAIT_MS", 20_000)
        .start()
        .await;
    let mut seen = Vec::new();
    for scenario in scenarios() {
        let Expected::Refused { status_code, error_type, message, .. } = scenario.expected.clone() else {
            continue;
        };
        let answer = Answer::of(patch(&stack, &scenario, "wait=20")).await;
        assert_eq!(answer.status.as_u16(), status_code, "{}: {}", scenario.name, answer.body);
        let error = &answer.body["error"];
        assert_eq!((&error["type"], &error["message"]), (&json!(error_type), &json!(message)));
        assert_eq!(answer.body["meta"]["code"], status_code);
        assert_eq!(answer.header("preference-applied"), Some("wait=20"));
        seen.push(status_code);
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [404, 409, 502]);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_that_waits_answers_502_or_504_for_an_upstream_in_trouble() {
    let stack = StackBuilder::new()
        .set("RESEND_JOB_DEADLINE_SECONDS", 2)
        .set("RESEND_SYNC_MAX_WAIT_MS", 30_000)
        .start()
        .await;
    for (action, status) in [
        (json!({"hang": true}), StatusCode::GATEWAY_TIMEOUT),
        (json!({"status": 500}), StatusCode::BAD_GATEWAY),
    ] {
        stack.set_faults(json!([{"target": "persons", "action": action}])).await;
        let answer = Answer::of(patch(&stack, &plain(), "wait=30")).await;
        assert_eq!((answer.status, &answer.body["error"]["type"]), (status, &json!("internal_error")));
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_waits_only_if_it_may_and_answers_202_when_the_wait_runs_out() {
    let stack = StackBuilder::new().workers(0).set("RESEND_SYNC_MAX_WAIT_MS", 300).start().await;
    for (prefer, applied) in [
        ("wait=10", Some("wait=1")),
        ("respond-async, wait=10", Some("respond-async")),
        ("wait=0", None),
        ("return=minimal", None),
    ] {
        let answer = Answer::of(patch(&stack, &plain(), prefer)).await;
        assert_eq!(
            (answer.status, answer.header("preference-applied")),
            (StatusCode::ACCEPTED, applied),
            "{prefer}"
        );
        assert!(answer.header("location").is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_policy_decides() {
    let mut stack = StackBuilder::new().set("RESEND_SYNC_POLICY", "never").start().await;
    let never = Answer::of(patch(&stack, &plain(), "wait=2")).await;
    assert_eq!((never.status, never.header("preference-applied")), (StatusCode::ACCEPTED, None));
    stack.client().end_of(&never.location(), Duration::from_secs(10)).await;

    let auto = stack.add_api(&[("RESEND_SYNC_POLICY", "auto")]).await;
    let scenario = named("otp-authorized");
    let client = tests::client::ApiClient::new(&stack.apis[auto].url, "mis-a-token");
    let answer = client.resend(scenario.patient_id, scenario.approval_id).await;
    assert_eq!(
        (answer.status, answer.header("preference-applied")),
        (StatusCode::CREATED, None),
        "{}",
        answer.body
    );
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_that_waits_answers_429_for_a_phone_that_had_its_messages() {
    let stack = StackBuilder::new()
        .set("RESEND_LIMIT_PER_PHONE_HOUR", 1)
        .set("RESEND_SYNC_MAX_WAIT_MS", 20_000)
        .start()
        .await;
    let phone = "+380200000002";
    let mut answers = Vec::new();
    for _ in 0..2 {
        let (patient, approval) = approval(&stack, Uuid::new_v4(), phone).await;
        let request = stack.client().request(Method::PATCH, &resend_path(patient, approval));
        answers.push(Answer::of(request.header("prefer", "wait=20")).await);
    }
    assert_eq!((answers[0].status, answers[1].status), (StatusCode::CREATED, StatusCode::TOO_MANY_REQUESTS));
    let error = &answers[1].body["error"];
    assert_eq!(error["type"], "too_many_requests");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with("Sending SMS timeout. Try later. Next attempt will be available at 20"),
        "{message}"
    );
    let seconds: u64 = answers[1].header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3_600).contains(&seconds), "{seconds}");
    stack.stop().await;
}

/// The job's only delivery dies with its worker: the next worker sets the job aside, which the client is told as 500.
#[tokio::test(flavor = "multi_thread")]
async fn a_patch_that_waits_answers_500_for_a_job_that_was_set_aside() {
    let mut stack = StackBuilder::new()
        .set("RESEND_LEASE_SECONDS", 2)
        .set("RESEND_MAX_DELIVERIES", 1)
        .set("RESEND_SYNC_MAX_WAIT_MS", 30_000)
        .start()
        .await;
    stack.set_faults(json!([{"target": "persons", "action": {"hang": true}}])).await;
    let waiting = tokio::spawn(Answer::of(patch(&stack, &plain(), "wait=30")));
    let sandbox = ApiClient::new(&stack.sandbox.url, "");
    eventually("the job is in the worker's hands", Duration::from_secs(10), || async {
        let calls = sandbox.get("/sandbox/calls").await;
        (calls.body["persons"]["total"].as_u64()? > 0).then_some(())
    })
    .await;
    stack.workers[0].process.kill().await;
    stack.add_worker(&[]).await;
    let answer = waiting.await.unwrap();
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", answer.body);
    assert_eq!(answer.body["error"]["type"], "internal_error");
    assert_eq!(answer.body["meta"]["code"], 500);
    assert_eq!(stack.ledger().len(), 0);
}
