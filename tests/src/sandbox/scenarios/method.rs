//! Authentication methods, and approvals without `authorize_with` refused for theirs.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::{
    Scenario,
    draft::{Draft, method_id, phone},
};

pub(super) const NOT_ALLOWED: &str = "Resend SMS is not allowed for this authentication method";

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Draft::new(50, "offline", "the patient shows documents instead")
            .methods([offline(50)])
            .urgent("OFFLINE", None)
            .method("OFFLINE")
            .conflict(NOT_ALLOWED),
        Draft::new(51, "third-person-unnamed", "a third person, but authorize_with does not say who")
            .methods([third_person(51, "OTP")])
            .urgent("THIRD_PERSON", Some(&phone(51)))
            .method("THIRD_PERSON")
            .conflict(NOT_ALLOWED),
        Draft::new(52, "na", "the method was reset")
            .methods([plain(52, "NA")])
            .urgent("NA", None)
            .method("NA")
            .conflict(NOT_ALLOWED),
        Draft::new(53, "offline-with-phone", "a phone is there, but the type is not OTP")
            .urgent("OFFLINE", Some(&phone(53)))
            .method("OFFLINE")
            .conflict(NOT_ALLOWED),
    ]
}

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

/// Another person, who has a method of their own.
pub(super) fn third_person(number: u8, own: &str) -> Value {
    let own_phone = (own == "OTP").then(|| phone(number));
    json!({
        "id": method_id(number), "type": "THIRD_PERSON", "phone_number": null, "ended_at": null,
        "value": super::draft::patient_id(90), "third_person": {"type": own, "phone_number": own_phone},
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
