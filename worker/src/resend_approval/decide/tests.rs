use serde_json::{Value, json};

use super::*;
use crate::testing::{self, APPROVAL, PATIENT, PHONE, job};

fn approval(changes: &Value) -> Approval {
    Approval::from_registry(testing::approval(changes)).unwrap()
}

fn person(method: &Value) -> Person {
    Person::from_registry(&testing::person(method)).unwrap()
}

#[test]
fn an_inactive_person_is_refused() {
    for (status, expected) in [("active", Ok(())), ("inactive", Err(Refusal::PersonInactive))] {
        let mut data = testing::person(&json!({"type": "OTP"}));
        data["status"] = json!(status);
        assert_eq!(person_is_active(&Person::from_registry(&data).unwrap()), expected, "{status}");
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

/// The numbers of the methods that are accepted.
fn accepted(method: &Value, changes: &Value) -> Result<Vec<String>, Refusal> {
    let person = person(method);
    let methods = otp_methods(&person, &approval(changes), Utc::now())?;
    Ok(methods.iter().filter_map(|method| method.phone_number()).map(str::to_owned).collect())
}

#[test]
fn without_a_chosen_method_the_kind_noted_on_creation_decides() {
    let refused = || Err(Refusal::MethodNotOtp);
    let otp = json!({"type": "OTP", "phone_number": PHONE});
    let third = json!({"type": "THIRD_PERSON", "third_person": {"type": "OTP", "phone_number": PHONE}});
    let of_mpi = json!({"type": "THIRD_PERSON", "value": APPROVAL, "reference": {"type": "OTP", "phone_number": PHONE}});
    let offline = json!({"type": "THIRD_PERSON", "third_person": {"type": "OFFLINE"}});
    let mut ended = third.clone();
    ended["ended_at"] = json!("2017-01-01T00:00:00");
    let phone = || Ok(vec![PHONE.to_owned()]);
    for (kind, method, expected) in [
        (json!("OTP"), &otp, phone()),
        (json!("OTP"), &third, Ok(vec![])),
        (json!("OTP"), &json!({"type": "OFFLINE"}), Ok(vec![])),
        (json!("THIRD_PERSON"), &third, phone()),
        (json!("THIRD_PERSON"), &of_mpi, phone()),
        (json!("THIRD_PERSON"), &otp, refused()),
        (json!("THIRD_PERSON"), &offline, refused()),
        (json!("THIRD_PERSON"), &ended, refused()),
        (json!("OFFLINE"), &otp, refused()),
        (json!("NA"), &otp, refused()),
        (json!(null), &otp, refused()),
    ] {
        let changes = json!({"urgent": {"type": kind, "phone_number": PHONE}});
        assert_eq!(accepted(method, &changes), expected, "{kind} {method}");
    }
    assert_eq!(accepted(&otp, &json!({"urgent": null})), refused());
}

#[test]
fn a_chosen_method_must_be_the_persons_in_force_and_otp() {
    let otp = |changes: Value| {
        let mut method = json!({"type": "OTP", "phone_number": PHONE});
        for (name, value) in changes.as_object().unwrap() {
            method[name] = value.clone();
        }
        method
    };
    let own = json!({"type": "OTP", "phone_number": PHONE});
    let phone = || Ok(vec![PHONE.to_owned()]);
    for (chosen, method, expected) in [
        ("m", otp(json!({})), phone()),
        ("M", otp(json!({})), phone()),
        ("m", otp(json!({"ended_at": "2100-01-01T00:00:00Z"})), phone()),
        ("m", json!({"type": "THIRD_PERSON", "third_person": own}), phone()),
        ("m", json!({"type": "THIRD_PERSON", "reference": own}), phone()),
        ("other", otp(json!({})), Err(Refusal::MethodUnusable)),
        ("m", otp(json!({"is_active": false})), Err(Refusal::MethodUnusable)),
        ("m", otp(json!({"ended_at": "2017-01-01T00:00:00Z"})), Err(Refusal::MethodUnusable)),
        ("m", otp(json!({"ended_at": "unreadable"})), Err(Refusal::MethodUnusable)),
        ("m", json!({"type": "OFFLINE", "is_active": false}), Err(Refusal::MethodUnusable)),
        ("m", json!({"type": "OFFLINE"}), Err(Refusal::MethodNotOtp)),
        (
            "m",
            json!({"type": "THIRD_PERSON", "third_person": {"type": "OFFLINE"}}),
            Err(Refusal::MethodNotOtp),
        ),
    ] {
        assert_eq!(accepted(&method, &json!({"authorize_with": chosen})), expected, "{chosen} {method}");
    }
}

#[test]
fn a_result_over_the_limit_is_refused() {
    assert_eq!(result_fits(&" ".repeat(262_144)), Ok(()));
    assert_eq!(result_fits(&" ".repeat(262_145)), Err(Refusal::ApprovalTooLarge));
}

#[test]
fn a_country_that_is_not_listed_is_refused() {
    let countries = Countries::parse("380").unwrap();
    for (number, expected) in [(PHONE, Ok(())), ("+48501234567", Err(Refusal::CountryNotAllowed))] {
        assert_eq!(country_is_allowed(&number.parse().unwrap(), &countries), expected, "{number}");
    }
}
