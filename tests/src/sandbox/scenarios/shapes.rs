//! What else a registry answers: `null` for absent, times without a zone, numbers of another form, much, and too much.

use serde_json::{Value, json};

use super::{
    Scenario,
    draft::{Draft, in_days, iso_in_days, resource},
    method::{offline, otp},
};

pub(super) fn all() -> Vec<Scenario> {
    [odd(), large(), unreadable()].into_iter().flatten().collect()
}

fn odd() -> Vec<Scenario> {
    let ends = json!(iso_in_days(365).trim_end_matches('Z'));
    let mut without_zone = otp(111);
    without_zone["ended_at"] = ends.clone();
    vec![
        Draft::new(110, "null-members", "every member that may be absent is null")
            .person("is_active", Value::Null)
            .methods([Value::Null, json!({"id": null, "type": null, "phone_number": null}), otp(110)])
            .approval("is_verified", Value::Null)
            .approval("reason", Value::Null)
            .approval("granted_to", Value::Null)
            .approval("granted_resource_types", Value::Null)
            .sent(),
        Draft::new(
            111,
            "times-without-zone",
            "expires_at and ended_at come without a time zone: they are UTC",
        )
        .authorized_with(without_zone)
        .approval("expires_at", ends)
        .method("authorize_with → OTP, ends next year")
        .sent(),
        Draft::new(112, "expiry-with-fraction", "expires_at is a number with a fraction of zero")
            .approval(
                "expires_at",
                json!(f64::from(i32::try_from(in_days(30).timestamp()).unwrap_or(i32::MAX))),
            )
            .sent(),
        Draft::new(113, "one-method-unreadable", "another method has an id and an ended_at of another form")
            .methods([json!({"id": 5, "type": "OTP", "ended_at": "soon"}), offline(123), otp(113)])
            .sent(),
    ]
}

fn large() -> Vec<Scenario> {
    let resources = |number: u8, count: usize| vec![resource(number, "episode_of_care"); count];
    vec![
        Draft::new(114, "large", "access to 1,000 resources: 165 KB")
            .approval("granted_resources", resources(114, 1_000))
            .sent(),
        Draft::new(115, "too-large", "access to 2,000 resources: more than a result may hold")
            .approval("granted_resources", resources(115, 2_000))
            .failed(("approval_too_large", "The approval is too large")),
    ]
}

fn unreadable() -> Vec<Scenario> {
    const FAILED: super::Words =
        ("upstream_failed", "A service this request depends on failed. Try again later");
    vec![
        Draft::new(
            116,
            "without-patient",
            "the registry leaves patient_id out, as the platform's public API does",
        )
        .approval_lacks("patient_id")
        .failed(FAILED),
        Draft::new(117, "expiry-unreadable", "expires_at is no time")
            .approval("expires_at", "soon")
            .failed(FAILED),
        Draft::new(118, "person-unreadable", "is_active of the person is neither true nor false")
            .person("is_active", "yes")
            .failed(FAILED),
    ]
}
