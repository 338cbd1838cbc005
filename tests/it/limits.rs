//! Limits on messages through real processes, counted by the gateway's own ledger (scenario 25).

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::{Answer, ApiClient};
use tests::keys::keys;
use tests::sandbox::scenarios::scenarios;
use tests::stack::{Stack, StackBuilder};
use uuid::Uuid;

const PHONE: &str = "+380200000001";

/// Puts an approval of this patient into the registry whose messages go to this phone.
pub(crate) async fn approval(stack: &Stack, patient: Uuid, phone: &str) -> (Uuid, Uuid) {
    let plain = scenarios().swap_remove(0);
    let (mut person, mut data, approval) = (plain.person.unwrap(), plain.approval.unwrap(), Uuid::new_v4());
    person["id"] = json!(patient);
    (data["id"], data["patient_id"]) = (json!(approval), json!(patient));
    data["urgent"]["phone_number"] = json!(phone);
    put(stack, &format!("/sandbox/persons/{patient}"), &person).await;
    put(stack, &format!("/sandbox/patients/{patient}/approvals/{approval}"), &data).await;
    (patient, approval)
}

async fn put(stack: &Stack, path: &str, body: &Value) {
    let sandbox = ApiClient::new(&stack.sandbox.url, "");
    let answer = Answer::of(sandbox.request(Method::PUT, path).json(body)).await;
    assert!(answer.status.is_success(), "{}", answer.body);
}

/// Asks for this many approvals of as many patients with one phone, all at once, and runs the jobs to their ends.
async fn many_to_one_phone(stack: &Stack, approvals: usize, phone: &str) -> Vec<Value> {
    let mut ids = Vec::new();
    for _ in 0..approvals {
        ids.push(approval(stack, Uuid::new_v4(), phone).await);
    }
    let client = stack.client();
    let ended = join_all(ids.into_iter().map(|(patient, approval)| client.resend_to_end(patient, approval)));
    ended.await.into_iter().map(|mut answer| answer.body["data"].take()).collect()
}

/// How many of the jobs ended so.
fn count(ended: &[Value], status_code: u16) -> usize {
    ended.iter().filter(|job| job["status_code"] == status_code).count()
}

async fn metrics(url: &str) -> String {
    reqwest::get(format!("{url}/metrics")).await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_parallel_resends_of_one_approval_are_one_job_and_one_message() {
    let stack = StackBuilder::new().apis(2).workers(2).start().await;
    let plain = scenarios().swap_remove(0);
    let clients = [0, 1].map(|replica| ApiClient::new(&stack.apis[replica].url, "mis-a-token"));
    let asked = (0..200).map(|number| clients[number % 2].resend(plain.patient_id, plain.approval_id));
    let answers = join_all(asked).await;
    let accepted: Vec<_> = answers.iter().filter(|answer| answer.status == StatusCode::ACCEPTED).collect();
    // Who came after the message had gone out met the cool-down.
    assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 202 | 429)));
    let jobs: std::collections::HashSet<_> = accepted.iter().map(|answer| answer.location()).collect();
    assert_eq!(jobs.len(), 1);
    stack.client().end_of(&accepted[0].location(), Duration::from_secs(20)).await;
    println!("200 parallel resends: {} jobs, {} messages", jobs.len(), stack.ledger().len());
    assert_eq!(stack.ledger().len(), 1);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_phone_gets_five_messages_an_hour_through_however_many_approvals_also_after_redis_was_killed() {
    let mut stack = StackBuilder::new().workers(2).start().await;
    let ended = many_to_one_phone(&stack, 40, PHONE).await;
    assert_eq!((count(&ended, 200), count(&ended, 429), stack.ledger().len()), (5, 35, 5));
    let refused = ended.iter().find(|job| job["status_code"] == 429).unwrap();
    assert_eq!(refused["error"]["type"], "too_many_requests");
    let message = refused["error"]["message"].as_str().unwrap();
    let next =
        message.strip_prefix("Sending SMS timeout. Try later. Next attempt will be available at ").unwrap();
    let wait = next.parse::<chrono::DateTime<chrono::Utc>>().unwrap() - chrono::Utc::now();
    assert!((3_500..=3_600).contains(&wait.num_seconds()), "{message}");

    let job = stack.client().get(refused["links"][0]["href"].as_str().unwrap()).await;
    let seconds: u64 = job.header("retry-after").unwrap().parse().unwrap();
    assert!((3_500..=3_600).contains(&seconds), "{seconds}");

    stack.redis.kill().await;
    stack.redis.restart().await;
    let after = many_to_one_phone(&stack, 3, PHONE).await;
    assert_eq!((count(&after, 429), stack.ledger().len()), (3, 5), "{after:?}");
    println!("43 approvals of one phone, Redis killed in between: {} messages", stack.ledger().len());

    let mut hits = 0;
    for worker in &stack.workers {
        let hit = metrics(&worker.url).await;
        let line = hit.lines().find(|line| line.starts_with("resend_limit_hits_total{limit=\"phone_hour\"}"));
        hits += line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse::<u32>().unwrap());
    }
    assert_eq!(hits, 38);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_message_goes_to_a_country_that_is_not_allowed() {
    let stack = StackBuilder::new().set("RESEND_LIMIT_COUNTRIES", "380,370").start().await;
    for (phone, status_code) in [("+48110000071", 409), ("+37060000000", 200), (PHONE, 200)] {
        let ended = many_to_one_phone(&stack, 1, phone).await;
        assert_eq!(ended[0]["status_code"], status_code, "{phone}");
    }
    assert!(stack.ledger().iter().all(|message| message["to"] != "+48110000071"));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_the_gateway_did_not_take_is_not_counted() {
    let stack = StackBuilder::new().set("RESEND_LIMIT_PER_PHONE_HOUR", 1).start().await;
    let busy = json!([{"target": "sms", "action": {"status": 429}, "times": 2}]);
    put(&stack, "/sandbox/faults", &busy).await;
    let ended = many_to_one_phone(&stack, 1, PHONE).await;
    assert_eq!((count(&ended, 200), stack.ledger().len()), (1, 1), "{ended:?}");
    let refused = json!([{"target": "sms", "action": {"status": 422}, "times": 1}]);
    put(&stack, "/sandbox/faults", &refused).await;
    let other = "+380201000001";
    assert_eq!(count(&many_to_one_phone(&stack, 1, other).await, 502), 1);
    assert_eq!(count(&many_to_one_phone(&stack, 1, other).await, 200), 1);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_ends_late_and_unsent_does_not_hold_up_the_next_one_of_its_approval() {
    let fleet =
        StackBuilder::new().set("RESEND_JOB_DEADLINE_SECONDS", 3).set("RESEND_LIMIT_PER_APPROVAL_HOUR", 1);
    let stack = fleet.start().await;
    put(&stack, "/sandbox/faults", &json!([{"target": "sms", "action": {"status": 429}}])).await;
    let (patient, id) = approval(&stack, Uuid::new_v4(), PHONE).await;
    let late = stack.client().resend_to_end(patient, id).await;
    assert_eq!((&late.body["data"]["status"], stack.ledger().len()), (&json!("failed"), 0), "{}", late.body);
    put(&stack, "/sandbox/faults", &json!([])).await;
    // The cool-down of a minute and the one message an hour are for messages: there was none.
    let again = stack.client().resend_to_end(patient, id).await;
    assert_eq!(
        (&again.body["data"]["status_code"], stack.ledger().len()),
        (&json!(200), 1),
        "{}",
        again.body
    );
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_message_of_a_job_counts_as_one_more() {
    // The second try waits for half the deadline: nobody else shows that the gateway takes messages again.
    let fleet =
        StackBuilder::new().set("RESEND_LIMIT_PER_PHONE_HOUR", 2).set("RESEND_JOB_DEADLINE_SECONDS", 8);
    let stack = fleet.start().await;
    let silent = json!([{"target": "sms", "action": {"cut": true, "accept": true}, "times": 1}]);
    put(&stack, "/sandbox/faults", &silent).await;
    let ended = many_to_one_phone(&stack, 1, PHONE).await;
    assert_eq!((count(&ended, 200), stack.ledger().len()), (1, 2), "{ended:?}");
    assert_eq!(count(&many_to_one_phone(&stack, 1, PHONE).await, 429), 1);
    assert_eq!(stack.ledger().len(), 2);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nobody_can_count_nothing_is_accepted_and_nothing_sent() {
    let mut stack = StackBuilder::new().start().await;
    let (patient, id) = approval(&stack, Uuid::new_v4(), PHONE).await;
    stack.redis.kill().await;
    let answer = stack.client().resend(patient, id).await;
    assert_eq!((answer.status, stack.ledger().len()), (StatusCode::SERVICE_UNAVAILABLE, 0));
    stack.redis.restart().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_holds_no_phone_that_was_counted() {
    let stack = Stack::start().await;
    many_to_one_phone(&stack, 1, PHONE).await;
    let written: Vec<String> = stack.redis.command(&["KEYS", "*"]).await;
    assert_eq!(written.iter().filter(|key| key.starts_with(&keys().phone(""))).count(), 1, "{written:?}");
    assert!(written.iter().all(|key| !key.contains(&PHONE[1..])), "{written:?}");
    stack.stop().await;
}
