//! Approvals that can be resent: one message each.

use serde_json::json;

use super::{
    Scenario,
    draft::{Draft, in_days, iso_in_days},
    ids::method_id,
    method::{ended_at, offline, otp, third_person},
};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Draft::new(1, "otp", "the plain case").sent(),
        Draft::new(2, "otp-authorized", "authorize_with names the person's OTP method")
            .authorized_with(otp(2))
            .method("authorize_with → OTP")
            .sent(),
        Draft::new(3, "otp-not-verified", "new model: is_verified false, no status, expires_at in ISO 8601")
            .new_model(false)
            .approval_lacks("authorize_with")
            .approval("expires_at", iso_in_days(30))
            .approval(
                "granted_resource_types",
                json!([{
                    "coding": [{"system": "eHealth/resources", "code": "diagnostic_report"}], "text": "",
                }]),
            )
            .sent(),
        Draft::new(4, "third-person-otp", "authorize_with names a third person whose own method is OTP")
            .authorized_with(third_person(4, "OTP"))
            .method("authorize_with → THIRD_PERSON with OTP")
            .sent(),
        Draft::new(5, "method-ends-later", "ended_at lies ahead, so the method is still active")
            .authorized_with(ended_at(otp(5), in_days(365)))
            .method("authorize_with → OTP, ends next year")
            .sent(),
        Draft::new(6, "several-methods", "authorize_with names the last of the person's three methods")
            .methods([offline(16), third_person(26, "OFFLINE"), otp(6)])
            .approval("authorize_with", method_id(6).to_string())
            .method("authorize_with → OTP among others")
            .sent(),
        Draft::new(7, "both-models", "status new and is_verified false together")
            .approval("is_verified", false)
            .sent(),
    ]
}
