//! Authentication methods, as the registry gives them.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::ids::{method_id, patient_id, phone};

/// A code by SMS.
pub(super) fn otp(number: u8) -> Value {
    json!({"id": method_id(number), "type": "OTP", "phone_number": phone(number), "ended_at": null})
}

/// Documents shown in person.
pub(super) fn offline(number: u8) -> Value {
    plain(number, "OFFLINE")
}

/// A method that has a type and nothing else.
pub(super) fn plain(number: u8, kind: &str) -> Value {
    json!({"id": method_id(number), "type": kind, "phone_number": null, "ended_at": null})
}

/// The same with another number.
pub(super) fn otp_at(number: u8, phone: &str) -> Value {
    json!({"id": method_id(number), "type": "OTP", "phone_number": phone, "ended_at": null})
}

/// Another person, who has a method of their own.
pub(super) fn third_person(number: u8, own: &str) -> Value {
    third_person_in("third_person", number, own)
}

/// The same as MPI gives it.
pub(super) fn third_person_of_mpi(number: u8, own: &str) -> Value {
    third_person_in("reference", number, own)
}

fn third_person_in(member: &str, number: u8, own: &str) -> Value {
    let own_phone = (own == "OTP").then(|| phone(number));
    json!({
        "id": method_id(number), "type": "THIRD_PERSON", "phone_number": null, "ended_at": null,
        "value": patient_id(90), member: {"type": own, "phone_number": own_phone},
    })
}

/// The same method, ended at that time.
pub(super) fn ended_at(mut method: Value, at: DateTime<Utc>) -> Value {
    method["ended_at"] = at.to_rfc3339_opts(SecondsFormat::Millis, true).into();
    method
}

/// The same method, switched off.
pub(super) fn inactive(mut method: Value) -> Value {
    method["is_active"] = false.into();
    method
}
