//! Each way to misbehave, as the service would meet it.

use std::time::{Duration, Instant};

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tests::sandbox::scenarios::scenarios;

use super::{TestSandbox, json_of};

async fn with_fault(target: &str, action: Value) -> TestSandbox {
    let fixture = TestSandbox::new().await;
    fixture.break_with(json!([{"target": target, "action": action, "times": 1}])).await;
    fixture
}

async fn recorded(fixture: &TestSandbox) -> usize {
    fixture.read("/inbox.json").await.as_array().unwrap().len()
}

async fn send(fixture: &TestSandbox) -> Result<Response, reqwest::Error> {
    fixture.sms("+380200000001", "job-1").timeout(Duration::from_millis(500)).send().await
}

async fn approval(fixture: &TestSandbox) -> Value {
    let plain = &scenarios()[0];
    let path = format!("/patients/{}/approvals/{}", plain.patient_id, plain.approval_id);
    json_of(fixture.registry(&path).send().await.unwrap()).await["data"].take()
}

#[tokio::test]
async fn a_status_is_answered_so_many_times_and_then_all_is_well() {
    let fixture =
        with_fault("sms", json!({"status": 429, "retry_after": 7, "body": "slow", "content_type": "text/x"}))
            .await;
    let answer = send(&fixture).await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(
        (&answer.headers()["retry-after"], &answer.headers()["content-type"]),
        (&"7".parse().unwrap(), &"text/x".parse().unwrap())
    );
    assert_eq!(answer.text().await.unwrap(), "slow");
    assert_eq!(recorded(&fixture).await, 0);
    assert_eq!(send(&fixture).await.unwrap().status(), 200);
    assert_eq!(fixture.read("/sandbox/faults").await, json!([]));
}

#[tokio::test]
async fn a_hanging_gateway_records_the_message_only_if_it_accepts() {
    for (action, messages) in [(json!({"hang": true}), 0), (json!({"hang": true, "accept": true}), 1)] {
        let fixture = with_fault("sms", action).await;
        assert!(send(&fixture).await.unwrap_err().is_timeout());
        assert_eq!(recorded(&fixture).await, messages);
    }
}

#[tokio::test]
async fn a_cut_closes_the_connection_before_any_answer() {
    for (action, messages) in [(json!({"cut": true}), 0), (json!({"cut": true, "accept": true}), 1)] {
        let fixture = with_fault("sms", action).await;
        let error = send(&fixture).await.unwrap_err();
        assert!(!error.is_timeout() && !error.is_connect(), "{error:?}");
        assert_eq!(recorded(&fixture).await, messages);
        assert_eq!(send(&fixture).await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_delay_is_kept_and_then_the_real_answer_comes() {
    let fixture = with_fault("sms", json!({"delay_ms": 60})).await;
    let asked = Instant::now();
    assert_eq!(send(&fixture).await.unwrap().status(), 200);
    assert!(asked.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn a_dripped_answer_is_whole_in_the_end() {
    let fixture = with_fault("approvals", json!({"drip_ms": 0})).await;
    assert_eq!(approval(&fixture).await["status"], "new");
}

#[tokio::test]
async fn other_bodies_are_served_in_place_of_the_answer() {
    let fixture = with_fault("sms", json!({"huge_body": 1_000_000})).await;
    assert!(send(&fixture).await.unwrap().bytes().await.unwrap().len() > 900_000);

    let fixture = with_fault("sms", json!({"html": true})).await;
    assert!(send(&fixture).await.unwrap().text().await.unwrap().contains("<h1>"));

    let fixture = with_fault("sms", json!({"garbage": true})).await;
    assert!(send(&fixture).await.unwrap().json::<Value>().await.is_err());

    let fixture = with_fault("sms", json!({"redirect": "http://127.0.0.1:9/elsewhere"})).await;
    let answer = send(&fixture).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["location"]),
        (307, &"http://127.0.0.1:9/elsewhere".parse().unwrap())
    );
}

#[tokio::test]
async fn an_approval_can_be_mixed_up_or_lack_its_phone() {
    let plain = &scenarios()[0];
    let fixture = with_fault("approvals", json!({"other_patient": true})).await;
    let mixed_up = approval(&fixture).await;
    assert_eq!(mixed_up["id"], plain.approval_id.to_string());
    assert_ne!(mixed_up["patient_id"], plain.patient_id.to_string());
    assert_eq!(approval(&fixture).await["patient_id"], plain.patient_id.to_string());

    let fixture = with_fault("approvals", json!({"null_phone": true})).await;
    assert_eq!(approval(&fixture).await["urgent"], json!({"type": "OTP", "phone_number": null}));
}

#[tokio::test]
async fn a_fault_can_be_meant_for_one_reference() {
    let fixture = TestSandbox::new().await;
    fixture
        .break_with(json!([{"target": "sms", "action": {"status": 500}, "match": {"reference": "job-2"}}]))
        .await;
    assert_eq!(fixture.sms("+380200000001", "job-1").send().await.unwrap().status(), 200);
    assert_eq!(fixture.sms("+380200000001", "job-2").send().await.unwrap().status(), 500);
}

#[tokio::test]
async fn a_misspelt_fault_is_refused_with_what_would_be_right() {
    let fixture = TestSandbox::new().await;
    let fault = json!({"target": "sms", "action": {"stauts": 503}});
    let refused = fixture.request(Method::POST, "/sandbox/faults").json(&fault).send().await.unwrap();
    assert_eq!(refused.status(), 422);
    let message = json_of(refused).await["error"]["message"].to_string();
    assert!(message.contains("stauts") && message.contains("`status`"), "{message}");
}
