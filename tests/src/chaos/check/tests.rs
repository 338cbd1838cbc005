//! Each rule is tested with a violation, and with one run without any.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::*;
use crate::chaos::client_request::{Attempt, ClientAnswer, ClientRequest, Person};
use crate::chaos::endings::Ending;
use crate::chaos::records::Record;
use crate::sandbox::Message;

const PHONE: &str = "+380210000001";

fn asked(job: &str) -> ClientRequest {
    let person = Person { patient_id: Uuid::nil(), approval_id: Uuid::nil(), phone: PHONE.to_owned() };
    let told = ClientAnswer::Accepted { job: job.to_owned(), href: format!("/Jobs/{job}") };
    let attempts = vec![Attempt { at_ms: 0, took: Duration::ZERO, told }];
    ClientRequest { person, key: format!("key-{job}"), attempts }
}

fn message(job: &str, code: &str) -> Message {
    let reference = Some(job.to_owned());
    let (text, channel) = (format!("Код: {code}"), "sms".to_owned());
    let (to, from, message_id) = (PHONE.to_owned(), "eHealth".to_owned(), format!("m-{job}"));
    Message {
        ts: 1_000,
        message_id,
        channel,
        to,
        from,
        text,
        reference,
        idempotency_key: None,
        request_id: None,
    }
}

fn record() -> Record {
    let result = Some(b"{}".to_vec());
    Record { state: "processed".to_owned(), status: Some(200), handed: 1, deadline_ms: 5_000, result }
}

/// Jobs `a` and `b`: accepted, sent once, ended.
fn good() -> Evidence {
    let ending = || Ending { at: Instant::now(), record: record(), times: 1 };
    Evidence {
        asked: vec![asked("a"), asked("b")],
        ledger: vec![message("a", "111111"), message("b", "222222")],
        records: [("a".to_owned(), record()), ("b".to_owned(), record())].into(),
        endings: [("a".to_owned(), ending()), ("b".to_owned(), ending())].into(),
        ..Evidence::default()
    }
}

fn complaints(evidence: &Evidence) -> Vec<(&'static str, Vec<String>)> {
    all(evidence).into_iter().map(|breach| (breach.rule, breach.jobs)).collect()
}

fn only(rule: &'static str, job: &str) -> Vec<(&'static str, Vec<String>)> {
    vec![(rule, vec![job.to_owned()])]
}

#[test]
fn a_good_run_has_no_breach() {
    assert_eq!(all(&good()), []);
}

#[test]
fn i1_a_job_without_a_record_without_an_end_or_without_a_result() {
    let mut run = good();
    run.records.remove("a");
    run.endings.remove("a");
    assert_eq!(complaints(&run), only("I1", "a"));
    let mut run = good();
    run.endings.remove("b");
    run.records.get_mut("b").unwrap().state = "sending".to_owned();
    assert_eq!(complaints(&run), only("I1", "b"));
    let mut run = good();
    run.endings.remove("b");
    run.records.get_mut("b").unwrap().result = None;
    assert_eq!(complaints(&run), only("I1", "b"));
}

#[test]
fn i2_a_second_message_unless_excused_and_never_a_third() {
    let mut run = good();
    run.ledger.push(message("a", "111111"));
    assert_eq!(complaints(&run), only("I2", "a"));
    run.excused.insert("a".to_owned());
    assert_eq!(complaints(&run), []);
    run.ledger.push(message("a", "111111"));
    assert_eq!(complaints(&run), only("I2", "a"));
}

#[test]
fn i2_up_to_four_messages_where_a_gateway_lies_with_503_and_a_time() {
    let mut run = good().allowing(4);
    run.excused.insert("a".to_owned());
    for _ in 0..3 {
        run.ledger.push(message("a", "111111"));
    }
    assert_eq!(complaints(&run), []);
    run.ledger.push(message("a", "111111"));
    assert_eq!(complaints(&run), only("I2", "a"));
}

#[test]
fn i3_another_code_or_none() {
    let mut run = good();
    run.excused.insert("a".to_owned());
    run.ledger.push(message("a", "333333"));
    assert_eq!(complaints(&run), only("I3", "a"));
    let mut run = good();
    run.ledger[1] = message("b", "12345");
    assert_eq!(complaints(&run), only("I3", "b"));
}

#[test]
fn i4_a_message_nobody_asked_for_or_to_another_phone() {
    let mut run = good();
    run.ledger.push(message("c", "333333"));
    assert_eq!(complaints(&run), only("I4", "c?"));
    let mut run = good();
    run.ledger[0].to = "+380210000009".to_owned();
    assert_eq!(complaints(&run), only("I4", "a"));
}

#[test]
fn i5_a_message_after_the_deadline() {
    let mut run = good();
    run.ledger[0].ts = 6_001;
    assert_eq!(complaints(&run), only("I5", "a"));
}

#[test]
fn i6_an_end_that_changed_or_came_twice() {
    let mut run = good();
    run.records.get_mut("a").unwrap().result = Some(b"{\"other\":1}".to_vec());
    assert_eq!(complaints(&run), only("I6", "a"));
    let mut run = good();
    run.endings.get_mut("b").unwrap().times = 2;
    assert_eq!(complaints(&run), only("I6", "b"));
}

#[test]
fn the_code_is_six_digits_and_no_part_of_a_longer_number() {
    assert_eq!(code_of("call 380210000001, code 123456.").as_deref(), Some("123456"));
    assert_eq!(code_of("code 1234567"), None);
}
