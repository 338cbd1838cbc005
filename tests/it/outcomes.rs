//! Every case of person, approval and method, through real processes: the job's end, and how many messages were sent
//! for it.

use std::time::Duration;

use serde_json::{Value, json};
use tests::client::ApiClient;
use tests::keys::job_record;
use tests::sandbox::scenarios::{Expected, Scenario, scenarios};

/// Invalid answers are retried until the deadline, so cases that end in 502 need a short one.
const WITHIN: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread")]
async fn every_case_ends_as_the_table_says() {
    let stack = tests::stack::StackBuilder::new().set("RESEND_JOB_DEADLINE_SECONDS", 8).start().await;
    let client = stack.client();
    let runs = scenarios().into_iter().map(|scenario| {
        let (client, registry) = (client.clone(), stack.sandbox.url.clone());
        tokio::spawn(async move { run(&client, &registry, scenario).await })
    });
    for run in runs.collect::<Vec<_>>() {
        let (scenario, job) = run.await.expect("the case ended");
        let sent = stack.messages_of(&job);
        assert_eq!(sent.len(), scenario.expected.sms_count(), "messages of {}", scenario.name);
        if let Expected::Sent { to } = &scenario.expected {
            assert_eq!(sent[0]["to"], json!(to), "{}", scenario.name);
        }
    }
    stack.stop().await;
}

/// The log names the member or the rule, and no phone number.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_names_what_the_registry_gave_wrong() {
    let mut stack = tests::stack::Stack::start().await;
    for name in ["masked-twice", "one-method-unreadable"] {
        let case = scenarios().into_iter().find(|one| one.name == name).expect("a case of this name");
        stack.client().resend_to_end(case.patient_id, case.approval_id).await;
    }
    let worker = &mut stack.workers[0].process;
    let rule = worker.logged("the registry's data cannot be used").await.to_string();
    assert!(rule.contains("several numbers of the accepted authentication methods"), "{rule}");
    let method = worker.logged("an authentication method counts as absent").await.to_string();
    assert!(method.contains("member authentication_methods[0].id cannot be read"), "{method}");
    assert!(!worker.log().contains("+38020"), "{}", worker.log());
    stack.stop().await;
}

/// One filter on `job` finds all that a worker says of it, from a message that a gateway left open to the end.
#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_a_job_names_it_and_its_end_says_why_and_how() {
    let mut stack = tests::stack::Stack::start().await;
    stack
        .set_faults(json!([{"target": "sms", "action": {"status": 503, "retry_after": 0}, "times": 1}]))
        .await;
    let case = scenarios().swap_remove(0);
    let answer = stack.client().resend(case.patient_id, case.approval_id).await;
    let job = answer.location().rsplit('/').next().expect("an id").to_owned();
    stack.client().end_of(&answer.location(), WITHIN).await;
    // The client learns of the end before it is logged.
    stack.workers[0].process.logged("job ended").await;
    let log = stack.workers[0].process.log();
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let own: Vec<_> = lines.iter().filter(|line| line["job"] == job.as_str()).collect();
    for line in &own {
        assert_eq!(
            (&line["request_id"], &line["client"]),
            (&answer.body["meta"]["request_id"], &json!("mis-a"))
        );
    }
    let messages: Vec<_> = own.iter().filter_map(|line| line["message"].as_str()).collect();
    assert_eq!(messages, ["job will be tried again", "the gateway took the message", "job ended"], "{log}");
    let ended = own.last().expect("the end");
    assert_eq!((&ended["channel"], &ended["status_code"]), (&json!("http"), &json!(200)));
    // How often its second message was held back is random.
    assert!(ended["tries"].as_u64() >= Some(2), "{ended}");
    assert!(ended["since_accept_ms"].is_u64() && ended["run_ms"].is_u64() && ended["reason"].is_null());
    assert_eq!(stack.redis.command::<String>(&["HGET", &job_record(&job), "channel"]).await, "http");
    stack.stop().await;
}

/// Runs one case and compares the whole ended job with the table.
async fn run(client: &ApiClient, sandbox: &str, scenario: Scenario) -> (Scenario, String) {
    let accepted = client.resend(scenario.patient_id, scenario.approval_id).await;
    assert_eq!(accepted.status, 202, "{}: {}", scenario.name, accepted.body);
    let href = accepted.location();
    let ended = client.end_of(&href, WITHIN).await;
    let data = &ended.body["data"];
    assert_eq!(data["status_code"], scenario.expected.status_code(), "{}: {}", scenario.name, ended.body);
    let links = json!([{"entity": "job", "href": href}]);
    let ended_at = data["ended_at"].as_str().and_then(shared::domain::clock::parse_iso);
    assert!(ended_at.is_some(), "{}: {data}", scenario.name);
    let expected = match &scenario.expected {
        Expected::Sent { to } => json!({
            "eta": data["eta"], "status": "processed", "links": links, "ended_at": data["ended_at"],
            "status_code": 200,
            "response_data": response_data(&approval_in_registry(sandbox, &scenario).await, to),
        }),
        Expected::Refused { status_code, error_type, reason, message } => json!({
            "eta": data["eta"], "status": "failed", "links": links, "ended_at": data["ended_at"],
            "status_code": status_code,
            "error": {"type": error_type, "reason": reason, "message": message},
        }),
    };
    assert_eq!(*data, expected, "{}", scenario.name);
    (scenario, href.trim_start_matches("/Jobs/").to_owned())
}

/// The approval as the registry gives it to the worker.
async fn approval_in_registry(sandbox: &str, scenario: &Scenario) -> Value {
    let path = format!("/registry/patients/{}/approvals/{}", scenario.patient_id, scenario.approval_id);
    let registry = ApiClient::new(sandbox, "registry-token");
    registry.get(&path).await.body["data"].clone()
}

/// What the contract lets out of the approval: the members it lists, as the registry gave them, and the masked number.
fn response_data(approval: &Value, to: &str) -> Value {
    let mut shown = serde_json::Map::new();
    for name in [
        "id",
        "granted_resources",
        "granted_resource_types",
        "granted_to",
        "reason",
        "expires_at",
        "status",
        "is_verified",
        "access_level",
    ] {
        if let Some(value) = approval.get(name) {
            shown.insert(name.to_owned(), value.clone());
        }
    }
    let number = format!("{}*****{}", &to[..6], &to[to.len() - 2..]);
    let kind = &approval["urgent"]["type"];
    shown.insert("authentication_method_current".to_owned(), json!({"type": kind, "number": number}));
    shown.into()
}
