//! The SMPP channel against an SMSC that violates the specification: each PDU must cost only itself.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::smsc::Smsc;
use worker::config::SmppConfig;
use worker::sms::{SmppChannel, SmsChannel as _, SubmitResult};

use super::smpp::{config, is_taken, submit};

/// A PDU as octets in hex: id, sequence number, body.
fn pdu(id: u32, sequence: u32, body: &[u8]) -> String {
    let length = u32::try_from(16 + body.len()).unwrap();
    let header = [length, id, 0, sequence].map(u32::to_be_bytes).concat();
    [header, body.to_vec()].concat().iter().fold(String::new(), |text, octet| text + &format!("{octet:02x}"))
}

/// The body of a receipt, followed by TLVs as they are given.
fn receipt(tlvs: &[u8]) -> Vec<u8> {
    let start = b"\0\x01\x01380931234585\0\x05\0eHealth\0\x04\0\0\0\0\0\0\0\0\x00";
    [start, tlvs].concat()
}

async fn answer_to(smsc: &mut Smsc, raw: &str) -> (Value, Value, Value) {
    smsc.tell(&json!({"raw": raw})).await;
    let answered = smsc.saw("answered").await;
    (answered["command"].clone(), answered["status"].clone(), answered["sequence"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pdu_nobody_can_read_is_refused_alone_and_the_session_stays() {
    let Some(mut smsc) = Smsc::start(0).await else { return };
    let channel = SmppChannel::new(&config(smsc.port, "secret"));
    assert!(is_taken(&submit(&channel, "код").await));
    let whole = receipt(&[]);
    let id_without_its_nul = receipt(&[0x00, 0x1E, 0, 2, b'm', b'1', 0x04, 0x27, 0, 1, 2]);
    let cut_off_and_unknown = receipt(&[0x14, 0x00, 0, 1, 9, 0x04, 0x27, 0, 99, 2]);
    for (raw, command, status) in [
        (pdu(0x05, 71, &id_without_its_nul), "deliver_sm_resp", 0),
        (pdu(0x05, 72, &cut_off_and_unknown), "deliver_sm_resp", 0),
        (pdu(0x05, 73, &whole[..20]), "deliver_sm_resp", 0x65),
        (pdu(0x05, 74, &[]), "deliver_sm_resp", 0x65),
        (pdu(0x05, 75, &[0xFF; 300]), "deliver_sm_resp", 0x65),
        (pdu(0x103, 76, b"\0\x01\x01380931234585\0\x05\0eHealth\0\x04\0\0"), "data_sm_resp", 0),
        (pdu(0x103, 77, b"\0\x01"), "data_sm_resp", 0x65),
        (pdu(0x1234, 78, b"nobody knows"), "generic_nack", 0x03),
        // One length is less than a header, the other more than anybody sends.
        ("0000000a0000000500ff".to_owned(), "generic_nack", 0x02),
        (pdu(0x05, 80, &vec![0; 200_000]), "generic_nack", 0x02),
    ] {
        let answer = answer_to(&mut smsc, &raw).await;
        assert_eq!((&answer.0, &answer.1), (&json!(command), &json!(status)), "{raw:.80}");
        assert!(is_taken(&submit(&channel, "код").await), "the session stays after {raw:.80}");
    }
    // Answers to no request, one of an unknown kind, are skipped.
    smsc.tell(&json!({"raw": pdu(0x8000_0004, 9_999, b"m9") + &pdu(0x8000_1234, 5, b"?")})).await;
    assert!(is_taken(&submit(&channel, "код").await));
    channel.close().await;
    assert_eq!(smsc.all("bound").await.len(), 1, "one session from first to last");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_odd_answer_to_a_submit_is_read_as_far_as_it_goes() {
    let Some(mut smsc) = Smsc::start(0).await else { return };
    let channel = SmppChannel::new(&config(smsc.port, "secret"));
    let rests = SubmitResult::Throttled { retry_after: Some(Duration::from_secs(1)) };
    let taken = |id: Option<&str>| SubmitResult::Accepted { message_id: id.map(str::to_owned) };
    for (status, body, expected) in [
        (0, "6d3100", taken(Some("m1"))),
        (0, "6d31", taken(Some("m1"))),
        (0, "6d310014000001", taken(Some("m1"))),
        (0, "", taken(None)),
        (0x58, "", rests.clone()),
        (0x58, "00", rests.clone()),
        (0x58, "6e6f20656e64", rests),
    ] {
        smsc.tell(&json!({"answer": status, "body": body})).await;
        assert_eq!(submit(&channel, "код").await, expected, "{status:#x} {body}");
    }
    channel.close().await;
    assert_eq!(smsc.all("bound").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_validity_period_is_tried_once_without_it_and_left_out_from_then_on() {
    let Some(mut smsc) = Smsc::start(0).await else { return };
    smsc.tell(&json!({"no_validity": true})).await;
    let channel = SmppChannel::new(&config(smsc.port, "secret"));
    for _ in 0..3 {
        assert!(is_taken(&submit(&channel, "код").await));
    }
    channel.close().await;
    let off = SmppChannel::new(&SmppConfig { validity_period: false, ..config(smsc.port, "secret") });
    assert!(is_taken(&submit(&off, "код").await));
    off.close().await;
    let with_one: Vec<_> =
        smsc.all("submit").await.iter().map(|submit| submit["validity_period"] != "").collect();
    assert_eq!(with_one, [true, false, false, false, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_window_is_waited_for_and_is_no_failure_of_the_smsc() {
    let Some(mut smsc) = Smsc::start(0).await else { return };
    smsc.tell(&json!({"slow": 350})).await;
    let channel = SmppChannel::new(&SmppConfig { window: 4, ..config(smsc.port, "secret") });
    let start = Instant::now();
    let results = join_all((0..24).map(|_| submit(&channel, "код"))).await;
    assert!(results.iter().all(is_taken), "{results:?}");
    assert!(start.elapsed() >= Duration::from_secs(2), "six windows of four: {:?}", start.elapsed());
    // More than fit in the window: the rest are held here, and the SMSC never saw them.
    let results = join_all((0..80).map(|_| submit(&channel, "код"))).await;
    let held = results.iter().filter(|result| **result == SubmitResult::Held { retry_after: None }).count();
    let taken = results.iter().filter(|result| is_taken(result)).count();
    assert!(held > 0 && held + taken == 80, "{results:?}");
    channel.close().await;
    assert_eq!(smsc.all("submit").await.len(), 24 + taken);
}
