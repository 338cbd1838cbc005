//! `PATCH /verifications/{phone_number}/actions/complete` through real processes: scenario 24.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::{Answer, ApiClient};
use tests::sandbox::scenarios::{Expected, scenarios};
use tests::stack::{Stack, StackBuilder};

/// Sends the first scenario's code; answers the phone and the code as they arrived.
async fn send(stack: &Stack) -> (String, String) {
    let scenario = scenarios().swap_remove(0);
    assert!(matches!(scenario.expected, Expected::Sent { .. }));
    let ended = stack.client().resend_to_end(scenario.patient_id, scenario.approval_id).await;
    assert_eq!(ended.body["data"]["status_code"], 200, "{}", ended.body);
    let message = stack.ledger().pop().unwrap();
    let code = message["text"].as_str().unwrap().rsplit(' ').next().unwrap().to_owned();
    (message["to"].as_str().unwrap().to_owned(), code)
}

/// A client of this replica that may check codes.
fn verifier(stack: &Stack, replica: usize) -> ApiClient {
    ApiClient::new(&stack.apis[replica].url, "otp-token")
}

async fn complete(verifier: &ApiClient, phone: &str, body: &Value) -> Answer {
    let path = format!("/verifications/{phone}/actions/complete");
    Answer::of(verifier.request(Method::PATCH, &path).json(body)).await
}

fn wrong(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_on_the_phone_is_right_once_also_as_a_number() {
    let stack = StackBuilder::new().set("RESEND_LIMIT_COOLDOWN_SECONDS", 0).start().await;
    let verifier = verifier(&stack, 0);
    let (phone, code) = send(&stack).await;
    let answer = complete(&verifier, &phone, &json!({"code": code})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let data = &answer.body["data"];
    let (id, expired_at) = (data["id"].as_str().unwrap(), data["code_expired_at"].as_str().unwrap());
    assert!(id.parse::<uuid::Uuid>().is_ok() && expired_at.ends_with('Z'), "{data}");
    assert_eq!(
        *data,
        json!({"id": id, "status": "verified", "code_expired_at": expired_at, "active": false})
    );
    assert_eq!(answer.body["meta"]["code"], 200);

    let again = complete(&verifier, &phone, &json!({"code": code})).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
    assert_eq!(
        again.body["error"],
        json!({"type": "forbidden", "reason": "code_invalid", "message": "Invalid verification code"})
    );

    let (phone, code) = send(&stack).await;
    let number: u64 = code.parse().unwrap();
    let encoded = phone.replace('+', "%2B");
    assert_eq!(complete(&verifier, &encoded, &json!({"code": number})).await.status, StatusCode::OK);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shapes_are_422_the_scope_is_checked_first_and_no_log_names_the_phone() {
    let stack = Stack::start().await;
    let verifier = verifier(&stack, 0);
    let (phone, code) = send(&stack).await;
    for (phone, body, entries) in [
        ("380200000001", json!({"code": code}), vec!["$.phone_number"]),
        ("%FF", json!({"code": "12"}), vec!["$.phone_number", "$.code"]),
        (phone.as_str(), json!({"code": 1_234_567}), vec!["$.code"]),
        (phone.as_str(), json!({}), vec!["$.code"]),
    ] {
        let answer = complete(&verifier, phone, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
        let invalid = answer.body["error"]["invalid"].as_array().unwrap();
        assert_eq!(invalid.iter().map(|entry| entry["entry"].as_str().unwrap()).collect::<Vec<_>>(), entries);
    }
    let path = format!("/verifications/{phone}/actions/complete");
    let unscoped = Answer::of(stack.client().request(Method::PATCH, &path).body("{")).await;
    assert_eq!(unscoped.status, StatusCode::FORBIDDEN);
    assert!(unscoped.body["error"]["message"].as_str().unwrap().ends_with("Missing allowances: otp:verify"));

    let unknown = complete(&verifier, "+380200009999", &json!({"code": "123456"})).await;
    let known = complete(&verifier, &phone, &json!({"code": wrong(&code)})).await;
    assert_eq!((unknown.status, &unknown.body["error"]), (known.status, &known.body["error"]));
    for member in stack.apis.iter().chain(&stack.workers) {
        let log = member.process.log();
        assert!(!log.contains(&phone[1..]) && !log.contains(&format!("{code}\"")), "{log}");
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_parallel_guesses_over_two_replicas_and_two_resends_are_compared_five_times() {
    let stack = StackBuilder::new().apis(2).set("RESEND_LIMIT_COOLDOWN_SECONDS", 0).start().await;
    let verifiers = [verifier(&stack, 0), verifier(&stack, 1)];
    let (mut compared, mut used) = (0, 0);
    for _ in 0..3 {
        let (phone, code) = send(&stack).await;
        let body = json!({"code": wrong(&code)});
        let guesses = (0..1_000).map(|guess| complete(&verifiers[guess % 2], &phone, &body));
        for answer in futures_util::future::join_all(guesses).await {
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
            match answer.body["error"]["message"].as_str().unwrap() {
                "Invalid verification code" => compared += 1,
                message => assert_eq!(message, "Maximum attempts exceed"),
            }
        }
        used += usize::from(
            complete(&verifiers[0], &phone, &json!({"code": code})).await.status == StatusCode::OK,
        );
    }
    println!(
        "3,000 parallel guesses over two replicas and two resends: {compared} compared, {used} codes accepted"
    );
    assert_eq!((compared, used), (5, 0));
    stack.stop().await;
}
