//! `resendctl doctor --patient ID --approval ID` over every case of the sandbox's registry.

use serde_json::{Value, json};
use tests::client::ApiClient;
use tests::sandbox::scenarios::{Expected, Scenario, scenarios};
use tests::stack::{Stack, StackBuilder};

use super::program::ctl_with;

async fn asked(stack: &Stack, scenario: &Scenario, more: &[&str]) -> (Option<i32>, String) {
    let (patient, approval) = (scenario.patient_id.to_string(), scenario.approval_id.to_string());
    let words = [&["doctor", "--patient", &patient, "--approval", &approval], more].concat();
    let output = ctl_with(stack.settings(), &words).await;
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_of_every_case_what_the_worker_would_decide_and_sends_nothing() {
    let stack = StackBuilder::new().apis(0).workers(0).start().await;
    for scenario in scenarios() {
        let (status, shown) = asked(&stack, &scenario, &["--output", "json"]).await;
        let shown: Value = serde_json::from_str(&shown).unwrap();
        match &scenario.expected {
            Expected::Sent { to } => {
                let masked = format!("{}*****{}", &to[..6], &to[to.len() - 2..]);
                assert_eq!((&shown["decision"], &shown["to"]), (&json!("send"), &json!(masked)));
                assert_eq!(status, Some(0), "{}", scenario.name);
            }
            Expected::Refused { status_code, error_type, reason, message } => {
                let error = json!({"type": error_type, "reason": reason, "message": message});
                assert_eq!(shown["error"], error, "{}", scenario.name);
                assert_eq!(shown["status_code"], *status_code, "{}", scenario.name);
                assert_eq!(status, Some(1), "{}", scenario.name);
            }
        }
    }
    assert_eq!(ApiClient::new(&stack.sandbox.url, "").get("/inbox.json").await.body, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_names_what_the_log_would_name() {
    let stack = StackBuilder::new().apis(0).workers(0).start().await;
    for (name, said) in [
        ("without-patient", "approval: the registry's answer: member patient_id cannot be read"),
        ("one-method-unreadable", "Counts as absent: member authentication_methods[0].id"),
        ("masked-twice", "several numbers of the accepted authentication methods have the mask"),
        ("phone-changed", "have other numbers by now"),
    ] {
        let scenario = scenarios().into_iter().find(|scenario| scenario.name == name).unwrap();
        let (_, shown) = asked(&stack, &scenario, &[]).await;
        assert!(shown.contains(said) && shown.contains("Nothing was sent."), "{name}: {shown}");
    }
}

/// A proxy before the registry answers 404 with its own page.
#[tokio::test(flavor = "multi_thread")]
async fn a_404_of_a_proxy_is_no_missing_person() {
    let stack = StackBuilder::new().apis(0).workers(0).start().await;
    let page = json!({"status": 404, "body": "<html>404</html>", "content_type": "text/html"});
    stack.set_faults(json!([{"target": "persons", "action": page}])).await;
    let (status, shown) = asked(&stack, &scenarios()[0], &["--output", "json"]).await;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["decision"], &shown["error"]["reason"]), (&json!("retry"), &json!("upstream_failed")));
    assert_eq!(status, Some(1));
}
