//! `RESEND_OTP_MODE=service`: the platform's OTP service makes the code and sends it.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::{Answer, ApiClient};
use tests::sandbox::scenarios::scenarios;
use tests::stack::{Stack, StackBuilder};

async fn with_faults(faults: Value) -> Stack {
    let mut stack = StackBuilder::new().workers(0).set("RESEND_JOB_DEADLINE_SECONDS", 30).start().await;
    let url = format!("{}/otp", stack.sandbox.url);
    stack.add_worker(&[("RESEND_OTP_MODE", "service"), ("RESEND_OTP_URL", &url)]).await;
    let sandbox = ApiClient::new(&stack.sandbox.url, "");
    let put = Answer::of(sandbox.request(Method::PUT, "/sandbox/faults").json(&faults)).await;
    assert_eq!(put.status, StatusCode::OK, "{}", put.body);
    stack
}

/// Runs one job to its end; the longest includes a time-out and a wait.
async fn run(stack: &Stack) -> Value {
    let plain = scenarios().swap_remove(0);
    let accepted = stack.client().resend(plain.patient_id, plain.approval_id).await;
    let ended = stack.client().end_of(&accepted.location(), Duration::from_mins(1)).await;
    ended.body["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_sends_a_code_that_it_accepts_itself() {
    let stack = with_faults(json!([])).await;
    assert_eq!(run(&stack).await["status"], "processed");
    let [message] = &stack.ledger()[..] else { panic!("one message") };
    assert_eq!((&message["channel"], &message["to"]), (&json!("otp"), &json!("+380200000001")));
    let code = message["text"].as_str().unwrap().rsplit(' ').next().unwrap().to_owned();
    let service = ApiClient::new(&stack.sandbox.url, "");
    let path = "/otp/verifications/+380200000001/actions/complete";
    let checked = Answer::of(service.request(Method::PATCH, path).json(&json!({"code": code}))).await;
    assert_eq!(checked.body["data"]["status"], "verified", "{}", checked.body);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_answers_end_the_job_or_are_tried_again() {
    for (action, times, status_code, messages) in [
        (json!({"status": 429, "retry_after": 30}), 1, 429, 0),
        (json!({"status": 422}), 1, 502, 0),
        (json!({"status": 401}), 1, 502, 0),
        (json!({"status": 503, "retry_after": 1}), 1, 200, 1),
        (json!({"status": 500}), 1, 200, 1),
        // It may have sent each of them, so there is no third.
        (json!({"status": 500, "accept": true}), 9, 502, 2),
        (json!({"cut": true, "accept": true}), 9, 504, 2),
        (json!({"hang": true, "accept": true}), 1, 200, 2),
        (json!({"redirect": "http://127.0.0.1:1/"}), 1, 502, 0),
        (json!({"garbage": true, "accept": true}), 1, 200, 2),
    ] {
        let stack = with_faults(json!([{"target": "otp", "action": action, "times": times}])).await;
        let ended = run(&stack).await;
        assert_eq!(
            (&ended["status_code"], stack.ledger().len()),
            (&json!(status_code), messages),
            "{action}"
        );
        if status_code == 429 {
            let message = ended["error"]["message"].as_str().unwrap();
            let next: chrono::DateTime<chrono::Utc> = message.rsplit(' ').next().unwrap().parse().unwrap();
            let wait = next - chrono::Utc::now();
            assert!((20..=30).contains(&wait.num_seconds()), "{message}");
        }
        stack.stop().await;
    }
}

/// The service counts a call against its limit before the message is sent, so the repetition of a failed call meets a
/// limit that its own message has reached.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_the_repeat_meets_is_not_the_jobs_limit() {
    let limit = json!({"target": "otp", "action": {"limit_seconds": 60}});
    for action in
        [json!({"status": 500, "accept": true}), json!({"status": 503, "retry_after": 0, "accept": true})]
    {
        let failing = json!({"target": "otp", "action": action, "times": 1});
        let stack = with_faults(json!([limit, failing])).await;
        let ended = run(&stack).await;
        assert_eq!(
            (&ended["status_code"], &ended["error"]["reason"]),
            (&json!(502), &json!("delivery_unknown"))
        );
        assert_eq!(ended["error"]["message"], "The message may have been sent");
        assert_eq!(stack.ledger().len(), 1, "{action}");
        stack.stop().await;
    }
}

/// The platform's service hides its gateway's errors: its callers cannot know.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_its_gateway_refused_looks_sent() {
    let stack = with_faults(json!([{"target": "otp", "action": {"gateway_refuses": true}}])).await;
    assert_eq!(run(&stack).await["status"], "processed");
    assert_eq!(stack.ledger().len(), 0);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_service_the_job_ends_in_time_with_nothing_sent() {
    let mut stack = StackBuilder::new().workers(0).set("RESEND_JOB_DEADLINE_SECONDS", 3).start().await;
    stack.add_worker(&[("RESEND_OTP_MODE", "service"), ("RESEND_OTP_URL", "http://127.0.0.1:1/otp")]).await;
    let started = std::time::Instant::now();
    assert_eq!(run(&stack).await["status_code"], 504);
    assert!(started.elapsed() < Duration::from_secs(10));
    stack.stop().await;
}
