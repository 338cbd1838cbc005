//! Approvals without `authorize_with` refused for their authentication method.

use serde_json::Value;

use super::{
    Scenario, Words,
    draft::Draft,
    ids::phone,
    method::{offline, plain},
};

pub(super) const NOT_ALLOWED: Words =
    ("method_not_otp", "Resend SMS is not allowed for this authentication method");

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Draft::new(50, "offline", "the patient shows documents instead")
            .methods([offline(50)])
            .urgent("OFFLINE", None)
            .method("OFFLINE")
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
        Draft::new(54, "urgent-null", "the approval does not say how it is to be confirmed")
            .approval("urgent", Value::Null)
            .method("none")
            .conflict(NOT_ALLOWED),
    ]
}
