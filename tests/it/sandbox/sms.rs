//! The gateway, its ledger, and the OTP service.

use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Value, json};
use tests::sandbox::{Message, Options};

use super::{TestSandbox, json_of};

fn ledger_lines(path: &PathBuf) -> Vec<Message> {
    let written = std::fs::read_to_string(path).unwrap();
    written.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_message_is_in_the_ledger_when_the_gateway_answers() {
    let ledger = std::env::temp_dir().join(format!("sandbox-{}.jsonl", uuid::Uuid::new_v4()));
    let fixture = TestSandbox::with(Options { ledger: Some(ledger.clone()), ..Options::default() }).await;
    let answer = fixture.sms("+380200000001", "job-1").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer = json_of(answer).await;
    let lines = ledger_lines(&ledger);
    std::fs::remove_file(&ledger).unwrap();

    assert_eq!(lines.len(), 1);
    let expected = Message {
        ts: lines[0].ts,
        message_id: answer["message_id"].as_str().unwrap().to_owned(),
        channel: "sms".to_owned(),
        to: "+380200000001".to_owned(),
        from: "eHealth".to_owned(),
        text: "Код: 123456".to_owned(),
        reference: Some("job-1".to_owned()),
        idempotency_key: Some("job-1".to_owned()),
        request_id: Some("req-1".to_owned()),
    };
    assert_eq!(lines[0], expected);
}

#[tokio::test]
async fn a_repeated_key_is_sent_again_unless_deduplication_is_on() {
    let fixture = TestSandbox::new().await;
    for _ in 0..2 {
        fixture.sms("+380200000001", "job-1").send().await.unwrap();
    }
    assert_eq!(fixture.read("/inbox.json?reference=job-1").await.as_array().unwrap().len(), 2);

    fixture.break_with(json!([{"target": "sms", "action": {"deduplicate": true}}])).await;
    let first = json_of(fixture.sms("+380200000001", "job-2").send().await.unwrap()).await;
    let second = json_of(fixture.sms("+380200000001", "job-2").send().await.unwrap()).await;
    assert_eq!(first, second);
    assert_eq!(fixture.read("/inbox.json?reference=job-2").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_gateway_refuses_strangers_and_what_is_no_message() {
    let fixture = TestSandbox::new().await;
    let send = || fixture.request(Method::POST, "/sms/messages");
    assert_eq!(send().json(&json!({})).send().await.unwrap().status(), 401);
    assert_eq!(send().bearer_auth("sms-token").json(&json!({})).send().await.unwrap().status(), 400);
    assert_eq!(fixture.sms("0931234585", "job-1").send().await.unwrap().status(), 422);
    assert_eq!(fixture.read("/inbox.json").await, json!([]));
}

fn code_in(message: &Value) -> String {
    message["text"].as_str().unwrap().rsplit(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_otp_service_sends_a_code_that_completes_once() {
    let fixture = TestSandbox::new().await;
    let start =
        fixture.request(Method::POST, "/otp/verifications").json(&json!({"phone_number": "+380200000001"}));
    let started = start.send().await.unwrap();
    assert_eq!(started.status(), 201);
    let started = json_of(started).await;
    assert_eq!((&started["data"]["status"], &started["data"]["active"]), (&json!("new"), &json!(true)));

    let sent = fixture.read("/inbox.json?to=%2B380200000001").await;
    assert_eq!(sent[0]["channel"], "otp");
    let complete = |code: Value| {
        let path = "/otp/verifications/+380200000001/actions/complete";
        fixture.request(Method::PATCH, path).json(&json!({"code": code})).send()
    };
    let wrong = complete(json!("0000")).await.unwrap();
    assert_eq!(wrong.status(), 403);
    assert_eq!(json_of(wrong).await["error"]["message"], "Invalid verification code");
    let right = complete(json!(code_in(&sent[0]).parse::<u32>().unwrap())).await.unwrap();
    assert_eq!(right.status(), 200);
    assert_eq!(json_of(right).await["data"]["status"], "verified");
    assert_eq!(complete(json!(code_in(&sent[0]))).await.unwrap().status(), 404);
}

#[tokio::test]
async fn the_otp_service_takes_ukrainian_phones_only() {
    let fixture = TestSandbox::new().await;
    let start =
        fixture.request(Method::POST, "/otp/verifications").json(&json!({"phone_number": "+48110000081"}));
    assert_eq!(start.send().await.unwrap().status(), 422);
    assert_eq!(fixture.read("/inbox.json").await, json!([]));
}
