//! The order of fallback under load: one message per job, whichever channel took it.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tests::stack::Stack;
use uuid::Uuid;

use super::dialects::{through, through_with};

pub(super) const JOBS: usize = 300;

#[derive(Deserialize)]
struct Person {
    patient_id: Uuid,
    approval_id: Uuid,
}

/// Creates this many patients with an approval each in the sandbox.
async fn people(stack: &Stack, count: usize) -> Vec<Person> {
    let url = format!("{}/sandbox/approvals/bulk?count={count}", stack.sandbox.url);
    reqwest::Client::new().post(url).send().await.unwrap().json().await.unwrap()
}

/// Runs this many jobs of different patients, many at once; returns how many ended well.
pub(super) async fn run_jobs(stack: &Stack, jobs: usize) -> usize {
    let client = stack.client();
    let jobs = stream::iter(people(stack, jobs).await).map(|person| {
        let client = &client;
        async move {
            let accepted = client.resend(person.patient_id, person.approval_id).await;
            client.end_of(&accepted.location(), Duration::from_mins(1)).await
        }
    });
    let ended: Vec<_> = jobs.buffer_unordered(100).collect().await;
    ended.iter().filter(|job| job.body["data"]["status"] == "processed").count()
}

/// Messages by channel, and the most that went to one phone.
pub(super) fn messages(stack: &Stack) -> (HashMap<String, usize>, usize) {
    let (mut by_channel, mut by_phone) = (HashMap::new(), HashMap::<String, usize>::new());
    for message in stack.ledger() {
        *by_channel.entry(text(&message, "channel")).or_default() += 1;
        *by_phone.entry(text(&message, "to")).or_default() += 1;
    }
    (by_channel, by_phone.into_values().max().unwrap_or_default())
}

fn text(message: &Value, member: &str) -> String {
    message[member].as_str().unwrap().to_owned()
}

async fn calls(stack: &Stack, target: &str) -> u64 {
    let calls = reqwest::get(format!("{}/sandbox/calls", stack.sandbox.url)).await.unwrap();
    let calls: Value = serde_json::from_str(&calls.text().await.unwrap()).unwrap();
    calls[target]["total"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_channels_fail_over_under_load_without_a_second_message() {
    let faults = json!([
        {"target": "twilio", "action": {"status": 429}, "probability": 0.5},
        {"target": "turbosms", "action": {"status": 429}, "probability": 0.3},
    ]);
    let stack = through("twilio,turbosms,http", faults).await;
    let well = run_jobs(&stack, JOBS).await;
    let (by_channel, most) = messages(&stack);
    println!(
        "{JOBS} jobs over two failing channels: {well} processed, messages {by_channel:?}, most to a phone {most}"
    );
    assert_eq!((well, by_channel.values().sum::<usize>(), most), (JOBS, JOBS, 1));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_down_is_asked_now_and_then_only() {
    let faults = json!([{"target": "twilio", "action": {"status": 429}}]);
    let stack = through("twilio,turbosms", faults).await;
    let well = run_jobs(&stack, JOBS).await;
    let (by_channel, most) = messages(&stack);
    let asked = calls(&stack, "twilio").await;
    println!("{JOBS} jobs over a channel that is down: asked {asked} times, messages {by_channel:?}");
    assert_eq!((well, by_channel.get("turbosms"), most), (JOBS, Some(&JOBS), 1));
    // The failures that were already in progress, and then one message at a time.
    assert!(asked <= 90, "{asked}");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_at_its_rate_leaves_messages_to_the_next_and_is_used_meanwhile() {
    let start = std::time::Instant::now();
    let stack = through_with("twilio,http", json!([]), &[("RESEND_SMS_TWILIO_PER_SECOND", "5")]).await;
    let well = run_jobs(&stack, JOBS).await;
    let (by_channel, most) = messages(&stack);
    println!(
        "{JOBS} jobs, twilio at 5 a second: {well} processed, messages {by_channel:?}, most to a phone {most}"
    );
    assert_eq!((well, most), (JOBS, 1));
    let within_the_rate = 5 * usize::try_from(start.elapsed().as_secs()).unwrap() + 6;
    assert!((10..=within_the_rate).contains(&by_channel["twilio"]) && by_channel["sms"] > JOBS / 2);
    stack.stop().await;
}
