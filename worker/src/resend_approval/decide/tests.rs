use serde_json::{Value, json};
use shared::domain::ids::{JobId, RequestId};

use super::*;
use crate::testing::{self, APPROVAL, PATIENT, PHONE};

fn approval(changes: &Value) -> Approval {
    Approval::from_registry(testing::approval(changes)).unwrap()
}

fn person(method: &Value) -> Person {
    serde_json::from_value(testing::person(method)).unwrap()
}

fn job() -> Message {
    Message {
        job: JobId::generate(),
        patient: PATIENT.parse().unwrap(),
        approval: APPROVAL.parse().unwrap(),
        request: RequestId::generate(),
        trace: None,
    }
}

#[test]
fn an_inactive_person_is_refused() {
    for (status, expected) in [("active", Ok(())), ("inactive", Err(Refusal::PersonInactive))] {
        let person = Person { status: status.into(), is_active: true, authentication_methods: Vec::new() };
        assert_eq!(person_is_active(&person), expected, "{status}");
    }
}

#[test]
fn another_approval_or_patient_in_the_answer_is_not_found() {
    let other = "00000000-0000-4000-8000-000000000000";
    for (changes, expected) in [
        (json!({}), Ok(())),
        (json!({"patient_id": PATIENT.to_uppercase()}), Ok(())),
        (json!({"patient_id": other}), Err(Refusal::ApprovalNotFound)),
        (json!({"id": other}), Err(Refusal::ApprovalNotFound)),
        (json!({"id": PATIENT, "patient_id": APPROVAL}), Err(Refusal::ApprovalNotFound)),
    ] {
        assert_eq!(approval_is_the_patients(&approval(&changes), &job()), expected, "{changes}");
    }
}

#[test]
fn a_closed_approval_is_refused_with_its_status() {
    let closed = |status: &str| Err(Refusal::ApprovalClosed { status: status.into() });
    for (changes, expected) in [
        (json!({}), Ok(())),
        (json!({"status": null, "is_verified": false}), Ok(())),
        (json!({"status": "active"}), closed("active")),
        (json!({"status": null, "is_verified": true}), closed("active")),
        (json!({"expires_at": 1}), closed("expired")),
    ] {
        assert_eq!(approval_is_open(&approval(&changes), Utc::now()), expected, "{changes}");
    }
}

#[test]
fn without_a_chosen_method_the_kind_noted_on_creation_decides() {
    for (urgent, expected) in [
        (json!({"type": "OTP", "phone_number": PHONE}), Ok(())),
        (json!({"type": "OFFLINE"}), Err(Refusal::MethodNotOtp)),
        (json!({"type": "THIRD_PERSON", "phone_number": PHONE}), Err(Refusal::MethodNotOtp)),
        (json!({"type": "NA"}), Err(Refusal::MethodNotOtp)),
        (json!(null), Err(Refusal::MethodNotOtp)),
    ] {
        let approval = approval(&json!({"urgent": urgent}));
        assert_eq!(
            method_is_otp(&person(&json!({"type": "OFFLINE"})), &approval, Utc::now()),
            expected,
            "{urgent}"
        );
    }
}

#[test]
fn a_chosen_method_must_be_the_persons_in_force_and_otp() {
    for (chosen, method, expected) in [
        ("m", json!({"type": "OTP"}), Ok(())),
        ("M", json!({"type": "OTP"}), Ok(())),
        ("m", json!({"type": "OTP", "ended_at": "2100-01-01T00:00:00Z"}), Ok(())),
        ("m", json!({"type": "THIRD_PERSON", "third_person": {"type": "OTP"}}), Ok(())),
        ("other", json!({"type": "OTP"}), Err(Refusal::MethodUnusable)),
        ("m", json!({"type": "OTP", "is_active": false}), Err(Refusal::MethodUnusable)),
        ("m", json!({"type": "OTP", "ended_at": "2017-01-01T00:00:00Z"}), Err(Refusal::MethodUnusable)),
        ("m", json!({"type": "OFFLINE", "is_active": false}), Err(Refusal::MethodUnusable)),
        ("m", json!({"type": "OFFLINE"}), Err(Refusal::MethodNotOtp)),
        (
            "m",
            json!({"type": "THIRD_PERSON", "third_person": {"type": "OFFLINE"}}),
            Err(Refusal::MethodNotOtp),
        ),
    ] {
        let approval = approval(&json!({"authorize_with": chosen}));
        assert_eq!(method_is_otp(&person(&method), &approval, Utc::now()), expected, "{chosen} {method}");
    }
}

#[test]
fn a_number_that_cannot_be_sent_to_is_refused() {
    for number in [json!(null), json!(""), json!("0931234585")] {
        let approval = approval(&json!({"urgent": {"type": "OTP", "phone_number": number}}));
        assert_eq!(phone(&approval), Err(Refusal::MethodNotOtp), "{number}");
    }
    assert_eq!(phone(&approval(&json!({}))).unwrap().expose(), PHONE);
}

#[test]
fn a_country_that_is_not_listed_is_refused() {
    let countries = Countries::parse("380").unwrap();
    for (number, expected) in [(PHONE, Ok(())), ("+48501234567", Err(Refusal::CountryNotAllowed))] {
        assert_eq!(country_is_allowed(&number.parse().unwrap(), &countries), expected, "{number}");
    }
}
