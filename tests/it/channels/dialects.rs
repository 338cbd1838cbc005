//! Channels that speak a gateway's own dialect: rows of their error tables, from the gateway's answer to the job's end.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::{Answer, ApiClient};
use tests::sandbox::scenarios::scenarios;
use tests::stack::{Stack, StackBuilder};

/// A worker whose messages go through these channels, in this order.
pub(super) async fn through(channels: &str, faults: Value) -> Stack {
    through_with(channels, faults, &[]).await
}

/// The same with further settings of that worker.
pub(super) async fn through_with(channels: &str, faults: Value, further: &[(&str, &str)]) -> Stack {
    within(300, channels, faults, further).await
}

/// The same with another deadline: a job whose outcome is open waits until half of it has passed.
pub(super) async fn within(deadline: u64, channels: &str, faults: Value, further: &[(&str, &str)]) -> Stack {
    let builder = StackBuilder::new().workers(0).set("RESEND_LIMIT_PER_CLIENT_MINUTE", 0);
    let mut stack = builder.set("RESEND_JOB_DEADLINE_SECONDS", deadline).start().await;
    let sandbox = ApiClient::new(&stack.sandbox.url, "");
    let put = Answer::of(sandbox.request(Method::PUT, "/sandbox/faults").json(&faults)).await;
    assert_eq!(put.status, StatusCode::OK, "{}", put.body);
    let turbosms = format!("{}/turbosms/message/send.json", stack.sandbox.url);
    let twilio = format!("{}/twilio/2010-04-01/Accounts/ACsandbox/Messages.json", stack.sandbox.url);
    let mut own = vec![
        ("RESEND_SMS_CHANNEL", channels),
        ("RESEND_SMS_TURBOSMS_URL", &turbosms),
        ("RESEND_SMS_TWILIO_URL", &twilio),
    ];
    own.extend(further);
    stack.add_worker(&own).await;
    stack
}

/// The job's end, and how many messages were sent for it.
async fn run(channel: &str, action: Value, times: u32) -> (Value, usize) {
    let faults = json!([{"target": channel, "action": action, "times": times}]);
    let stack = within(16, channel, faults, &[]).await;
    let plain = scenarios().swap_remove(0);
    let ended = stack.client().resend_to_end(plain.patient_id, plain.approval_id).await;
    let messages = stack.ledger();
    assert!(messages.iter().all(|message| message["channel"] == channel && message["to"] == "+380200000001"));
    let codes: std::collections::HashSet<_> =
        messages.iter().map(|message| message["text"].to_string()).collect();
    assert!(codes.len() <= 1, "every message of a job brings the same code: {codes:?}");
    stack.stop().await;
    (ended.body["data"]["status_code"].clone(), messages.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn turbosms_codes_end_the_job_or_are_tried_again() {
    let says = |code: u32| json!({"status": 200, "body": json!({"response_code": code}).to_string()});
    let says_of_recipient = |code: u32| {
        let result = json!([{"response_code": code, "message_id": null}]);
        json!({"status": 200, "body": json!({"response_code": 802, "response_result": result}).to_string()})
    };
    for (action, times, status_code, messages) in [
        (json!({"delay_ms": 1}), 1, 200, 1),
        (says(203), 1, 502, 0),
        (says(301), 1, 502, 0),
        (says_of_recipient(305), 1, 502, 0),
        (says_of_recipient(404), 1, 502, 0),
        (says_of_recipient(406), 1, 502, 0),
        (says(999), 1, 200, 1),
        (json!({"status": 503, "retry_after": 1}), 2, 200, 1),
        (json!({"status": 503}), 1, 200, 1),
        (json!({"cut": true, "accept": true}), 1, 200, 2),
        (json!({"status": 500, "accept": true}), 9, 502, 2),
        (json!({"status": 503, "accept": true}), 9, 502, 2),
        (json!({"status": 503, "retry_after": 0, "accept": true}), 9, 502, 4),
    ] {
        let ended = run("turbosms", action.clone(), times).await;
        assert_eq!(ended, (json!(status_code), messages), "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twilio_codes_end_the_job_or_are_tried_again() {
    let says = |status: u16, code: u32| json!({"status": status, "body": json!({"code": code}).to_string()});
    for (action, times, status_code, messages) in [
        (json!({"delay_ms": 1}), 1, 200, 1),
        (says(400, 21_211), 1, 502, 0),
        (says(400, 21_610), 1, 502, 0),
        (says(401, 20_003), 1, 502, 0),
        (says(400, 21_408), 1, 502, 0),
        (says(429, 20_429), 2, 200, 1),
        (says(400, 21_611), 2, 200, 1),
        (says(500, 20_500), 1, 200, 1),
        (json!({"cut": true, "accept": true}), 1, 200, 2),
    ] {
        let ended = run("twilio", action.clone(), times).await;
        assert_eq!(ended, (json!(status_code), messages), "{action}");
    }
}
