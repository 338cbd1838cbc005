//! The SMPP channel against an SMSC that we did not write. Without node each test reports that it was not run.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use shared::domain::ids::{JobId, RequestId};
use shared::domain::phone::PhoneNumber;
use tests::client::Answer;
use tests::sandbox::scenarios::scenarios;
use tests::smsc::Smsc;
use tests::stack::Stack;
use worker::config::SmppConfig;
use worker::sms::{SmppChannel, SmsChannel as _, SmsMessage, SubmitResult};
use worker::upstream::Origin;

use super::dialects::through_with;
use super::fallback::{JOBS, messages, run_jobs};

const SILENT: SubmitResult = SubmitResult::Indeterminate { silent: true };

pub(super) fn config(port: u16, password: &str) -> SmppConfig {
    SmppConfig {
        host: "127.0.0.1".to_owned(),
        port,
        system_id: "ehealth".to_owned(),
        password: password.into(),
        sender: "eHealth".to_owned(),
        limit: Duration::from_millis(800),
        window: 10,
        validity_period: true,
        keep_alive: Duration::from_millis(300),
    }
}

pub(super) async fn submit(channel: &SmppChannel, text: &str) -> SubmitResult {
    let to: PhoneNumber = "+380931234585".parse().unwrap();
    let (job, request) = (JobId::generate(), RequestId::generate());
    let origin = Origin { request: &request, trace: None };
    let life = Duration::from_mins(5);
    let message = SmsMessage { to: &to, text, reference: &job, life, origin, may_submit: &|| true };
    channel.submit(message).await.result
}

pub(super) fn is_taken(submission: &SubmitResult) -> bool {
    matches!(submission, SubmitResult::Accepted { message_id: Some(_) })
}

/// Submits until the session is there again.
pub(super) async fn taken_again(channel: &SmppChannel) {
    tests::eventually::eventually("the session is bound again", Duration::from_secs(20), || async {
        is_taken(&submit(channel, "код").await).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_error_table_against_an_smsc() {
    let Some(mut smsc) = Smsc::start(0).await else { return };
    let channel = SmppChannel::new(&config(smsc.port, "secret"));
    assert!(is_taken(&submit(&channel, "код: 012345").await));
    let seen = smsc.saw("submit").await;
    assert_eq!(
        (&seen["destination_addr"], &seen["source_addr"]),
        (&json!("380931234585"), &json!("eHealth"))
    );
    assert_eq!(
        [&seen["source_addr_ton"], &seen["dest_addr_ton"], &seen["dest_addr_npi"]],
        [&json!(5), &json!(1), &json!(1)]
    );
    assert_eq!(
        [&seen["data_coding"], &seen["esm_class"], &seen["registered_delivery"]],
        [8, 0, 1].map(|n| json!(n)).each_ref()
    );
    assert_eq!(seen["text"], "код: 012345");
    let rests = SubmitResult::Throttled { retry_after: Some(Duration::from_secs(1)) };
    for (statuses, expected) in [
        (&[0x58, 0x14][..], rests),
        (&[0x08, 0x64], SubmitResult::Throttled { retry_after: None }),
        (&[0x0B, 0x50, 0x51], SubmitResult::Rejected),
        (
            &[0x01, 0x07, 0x0A, 0x0D, 0x0E, 0x0F, 0x15, 0x43, 0x48, 0x49, 0x53, 0x61, 0x62, 0x65, 0x100],
            SubmitResult::ChannelUnavailable,
        ),
        (&[0x45, 0xFE, 0xFF, 0x400], SubmitResult::Indeterminate { silent: false }),
    ] {
        for status in statuses {
            smsc.tell(&json!({"answer": status})).await;
            assert_eq!(submit(&channel, "код").await, expected, "{status:#x}");
        }
    }
    smsc.tell(&json!({"answer": 0, "cut": true})).await;
    assert_eq!(submit(&channel, "код").await, SILENT, "cut after the write");
    smsc.tell(&json!({"cut": false})).await;
    taken_again(&channel).await;
    smsc.tell(&json!({"hang": true})).await;
    assert_eq!(submit(&channel, "код").await, SILENT, "no answer in time");
    // The keep-alive is not answered either: the session is given up and made anew.
    smsc.tell(&json!({"hang": false})).await;
    taken_again(&channel).await;
    channel.close().await;
    smsc.saw("unbound").await;
    assert_eq!(submit(&channel, "код").await, SubmitResult::Unreachable, "closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bound_session_a_message_is_certainly_not_taken() {
    let Some(smsc) = Smsc::start(0).await else { return };
    let wrong = SmppChannel::new(&config(smsc.port, "wrong"));
    assert_eq!(submit(&wrong, "код").await, SubmitResult::Unreachable);
    let port = smsc.port;
    drop(smsc);
    let channel = SmppChannel::new(&config(port, "secret"));
    assert_eq!(submit(&channel, "код").await, SubmitResult::Unreachable);
    // The SMSC starts; nobody restarts the worker.
    let Some(mut smsc) = Smsc::start(port).await else { return };
    taken_again(&channel).await;
    smsc.saw("alive").await;
    smsc.tell(&json!({"drop": true})).await;
    taken_again(&channel).await;
    channel.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_acknowledged_and_counted_by_state() {
    let Some(mut smsc) = Smsc::start(0).await else { return };
    let stack = worker_with(&smsc, "smpp").await;
    let plain = scenarios().swap_remove(0);
    let ended = stack.client().resend_to_end(plain.patient_id, plain.approval_id).await;
    assert_eq!(ended.body["data"]["status"], "processed", "{}", ended.body);
    let text =
        "id:m1 sub:001 dlvrd:001 submit date:2611240400 done date:2611240401 stat:DELIVRD err:000 text:";
    for receipt in [json!({"text": text}), json!({"id": "m2", "state": 5})] {
        smsc.tell(&json!({"receipt": receipt})).await;
        assert_eq!(smsc.saw("receipt").await, 0);
    }
    let metrics =
        reqwest::get(format!("{}/metrics", stack.workers[0].url)).await.unwrap().text().await.unwrap();
    for state in ["delivered", "undeliverable"] {
        let line = format!("resend_sms_receipts_total{{channel=\"smpp\",state=\"{state}\"}} 1");
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
    stack.stop().await;
}

/// A worker that sends through the SMSC first, if there is one.
async fn worker_with(smsc: &Smsc, channels: &str) -> Stack {
    let url = format!("smpp://ehealth:secret@127.0.0.1:{}", smsc.port);
    through_with(channels, json!([]), &[("RESEND_SMS_SMPP_URL", &url)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_goes_out_through_an_smsc_once_with_a_code_that_is_right() {
    let Some(mut smsc) = Smsc::start(0).await else { return };
    let stack = worker_with(&smsc, "smpp").await;
    let plain = scenarios().swap_remove(0);
    let ended = stack.client().resend_to_end(plain.patient_id, plain.approval_id).await;
    assert_eq!(ended.body["data"]["status"], "processed", "{}", ended.body);
    let seen = smsc.saw("submit").await;
    let text = seen["text"].as_str().unwrap();
    let code: String = text.chars().filter(char::is_ascii_digit).collect();
    let verifier = stack.client().with_token("otp-token");
    let path = format!("/verifications/+{}/actions/complete", seen["destination_addr"].as_str().unwrap());
    let check = Answer::of(verifier.request(Method::PATCH, &path).json(&json!({"code": code}))).await;
    assert_eq!(check.body["data"]["status"], "verified", "{}", check.body);
    // The peer decodes the relative time as intended: the end of the code's lifetime.
    let valid_until: chrono::DateTime<chrono::Utc> =
        seen["validity_period"].as_str().unwrap().parse().unwrap();
    let left = valid_until.timestamp() - chrono::Utc::now().timestamp();
    assert!((280..=300).contains(&left), "{left} seconds");
    stack.stop().await;
    assert_eq!(smsc.all("submit").await.len(), 1, "one message");
}

/// While jobs run, the SMSC's queue is full now and then, then it throttles everything, then it works again.
#[tokio::test(flavor = "multi_thread")]
async fn an_smsc_in_trouble_leaves_its_messages_to_the_next_channel_and_none_goes_out_twice() {
    let Some(mut smsc) = Smsc::start(0).await else { return };
    let stack = worker_with(&smsc, "smpp,turbosms").await;
    smsc.tell(&json!({"refuse_every": 3})).await;
    let now_and_then = run_jobs(&stack, JOBS).await;
    smsc.tell(&json!({"answer": 0x58})).await;
    let taken_before = smsc.seen("taken").len();
    let throttled = run_jobs(&stack, JOBS).await;
    smsc.tell(&json!({"answer": 0, "refuse_every": 0})).await;
    assert_eq!(smsc.seen("taken").len(), taken_before, "a throttled message is not taken");
    // The channel rests for a second after it was throttled.
    let mut well_again = 0;
    let deadline = Instant::now() + Duration::from_secs(20);
    while smsc.seen("taken").len() == taken_before {
        assert!(Instant::now() < deadline, "{well_again} jobs, and none went through the SMSC again");
        well_again += run_jobs(&stack, 1).await;
        smsc.tell(&json!({})).await;
    }
    let (by_channel, most) = messages(&stack);
    stack.stop().await;
    let taken = smsc.all("taken").await;
    let others = by_channel.get("turbosms").copied().unwrap_or_default();
    let mut phones: Vec<_> = taken.iter().map(ToString::to_string).collect();
    phones.sort_unstable();
    phones.dedup();
    println!(
        "{JOBS} jobs twice and {well_again}: {now_and_then}, {throttled} and {well_again} processed, {} through smpp, \
         {others} through turbosms",
        taken.len()
    );
    assert_eq!((now_and_then, throttled, most), (JOBS, JOBS, 1));
    assert_eq!(taken.len() + others, 2 * JOBS + well_again, "one message a job");
    assert_eq!(phones.len(), taken.len(), "no phone twice");
    assert!(taken_before > 0 && others > JOBS);
}
