//! `PATCH /verifications/{phone_number}/actions/complete` through real processes: scenario 24.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::{Answer, ApiClient};
use tests::sandbox::scenarios::{Expected, scenarios};
use tests::stack::{Stack, StackBuilder};

use crate::ctl::program::ctl_with;

/// Sends the first scenario's code; returns the phone and the code as received.
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

    // The end of a job whose message was taken invalidates earlier codes.
    let ((_, before), (phone, code)) = (send(&stack).await, send(&stack).await);
    let status = async |code: &str| complete(&verifier, &phone, &json!({"code": code})).await.status;
    assert_eq!(status(&before).await, StatusCode::FORBIDDEN);
    assert_eq!(status(&code).await, StatusCode::OK);
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
async fn a_thousand_parallel_guesses_of_a_client_over_two_replicas_are_compared_five_times() {
    let stack = StackBuilder::new().apis(2).start().await;
    let verifiers = [verifier(&stack, 0), verifier(&stack, 1)];
    let (phone, code) = send(&stack).await;
    let body = json!({"code": wrong(&code)});
    let guesses = (0..1_000).map(|guess| complete(&verifiers[guess % 2], &phone, &body));
    let (mut compared, mut spent, mut limited) = (0, 0, 0);
    for answer in futures_util::future::join_all(guesses).await {
        match (answer.status, answer.body["error"]["message"].as_str().unwrap()) {
            (StatusCode::FORBIDDEN, "Invalid verification code") => compared += 1,
            (StatusCode::FORBIDDEN, "Maximum attempts exceed") => {
                assert!((1..=300).contains(&retry_after(&answer)));
                spent += 1;
            }
            (StatusCode::TOO_MANY_REQUESTS, _) => {
                assert_eq!(answer.body["error"]["reason"], "client_checks");
                assert!((1..=65).contains(&retry_after(&answer)));
                limited += 1;
            }
            _ => panic!("{}: {}", answer.status, answer.body),
        }
    }
    println!(
        "1,000 parallel guesses over two replicas: {compared} compared, {spent} of a spent code, {limited} too many"
    );
    assert_eq!((compared, spent, limited), (5, 55, 940));
    let mut counted = 0.0;
    for api in &stack.apis {
        let metrics = ApiClient::new(&api.url, "").get("/metrics").await.body;
        let lines = metrics.as_str().unwrap().lines();
        let counters = lines.filter_map(|line| {
            line.strip_prefix(r#"resend_limit_hits_total{limit="client_checks"} "#)?.parse::<f64>().ok()
        });
        counted += counters.sum::<f64>();
    }
    assert!((counted - 940.0).abs() < 0.5, "{counted}");
    stack.stop().await;
}

fn retry_after(answer: &Answer) -> u64 {
    answer.headers["retry-after"].to_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_with_a_member_twice_verifies_nothing() {
    let stack = Stack::start().await;
    let (phone, code) = send(&stack).await;
    let path = format!("/verifications/{phone}/actions/complete");
    let twice = format!(r#"{{"code":"000000","code":"{code}"}}"#);
    let answer = Answer::of(verifier(&stack, 0).request(Method::PATCH, &path).body(twice)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
    assert_eq!(complete(&verifier(&stack, 0), &phone, &json!({"code": code})).await.status, StatusCode::OK);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_a_phones_failed_checks_and_unlocks_it() {
    let stack = Stack::start().await;
    let (phone, code) = send(&stack).await;
    for _ in 0..6 {
        complete(&verifier(&stack, 0), &phone, &json!({"code": wrong(&code)})).await;
    }
    let ctl = async |words: &[&str]| {
        let output = ctl_with(stack.settings(), &[words, &["--output", "json"]].concat()).await;
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains(&phone[1..]) && !text.contains(&code), "{text}");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let shown = ctl(&["phone", "show", &phone]).await;
    assert_eq!((&shown["sent_hour"], &shown["failed_checks_hour"]), (&json!(1), &json!(5)), "{shown}");
    assert_eq!((&shown["codes"][0]["guesses"], &shown["locked_until"]), (&json!(5), &Value::Null), "{shown}");
    let unlocked = ctl(&["phone", "unlock", &phone, "--because", "called", "--yes"]).await;
    assert_eq!(unlocked["forgotten"], 5, "{unlocked}");
    assert_eq!(complete(&verifier(&stack, 0), &phone, &json!({"code": code})).await.status, StatusCode::OK);
    let actions = ctl(&["activity"]).await;
    let action = actions.as_array().unwrap().iter().find(|action| action["action"] == "unlock").unwrap();
    assert_eq!((&action["because"], action["subject"].as_str().unwrap().len()), (&json!("called"), 22));
    stack.stop().await;
}
