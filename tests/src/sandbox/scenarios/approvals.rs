//! Refused for the approval: missing, another patient's, no longer open.

use super::{
    Scenario, Words,
    draft::{Draft, in_days, iso_in_days},
    ids::patient_id,
};

const MISSING: Words = ("approval_not_found", "Approval with such id is not found");
const ACTIVE: Words = closed_as("Approval in status active can not be resent");
const EXPIRED: Words = closed_as("Approval in status expired can not be resent");

const fn closed_as(message: &'static str) -> Words {
    ("approval_closed", message)
}

pub(super) fn all() -> Vec<Scenario> {
    [foreign(), closed(), expired()].into_iter().flatten().collect()
}

fn foreign() -> Vec<Scenario> {
    vec![
        Draft::new(20, "approval-missing", "the registry does not know the approval")
            .without_approval()
            .not_found(MISSING),
        Draft::new(
            21,
            "approval-of-another",
            "the approval is that of scenario “otp”, asked for with another patient",
        )
        .with_approval_of(1)
        .not_found(MISSING),
        Draft::new(
            22,
            "registry-mixes-patients",
            "the registry answers, but with another patient's approval",
        )
        .approval("patient_id", patient_id(1).to_string())
        .not_found(MISSING),
    ]
}

fn closed() -> Vec<Scenario> {
    vec![
        Draft::new(30, "approval-active", "already verified, old model")
            .approval("status", "active")
            .conflict(ACTIVE),
        Draft::new(31, "approval-verified", "already verified, new model").new_model(true).conflict(ACTIVE),
        Draft::new(32, "approval-terminated", "status terminated")
            .approval("status", "terminated")
            .conflict(closed_as("Approval in status terminated can not be resent")),
        Draft::new(33, "approval-cancelled", "status cancelled")
            .approval("status", "cancelled")
            .conflict(closed_as("Approval in status cancelled can not be resent")),
        Draft::new(34, "approval-in-new-status", "a status nobody has heard of is not open")
            .approval("status", "suspended")
            .conflict(closed_as("Approval in status suspended can not be resent")),
    ]
}

fn expired() -> Vec<Scenario> {
    vec![
        Draft::new(40, "expired-status", "status expired").approval("status", "expired").conflict(EXPIRED),
        Draft::new(41, "expired-epoch", "status new, but expires_at (epoch) is past")
            .approval("expires_at", in_days(-1).timestamp())
            .conflict(EXPIRED),
        Draft::new(42, "expired-iso", "status new, but expires_at (ISO 8601) is past")
            .approval("expires_at", iso_in_days(-1))
            .conflict(EXPIRED),
        Draft::new(43, "expired-not-verified", "new model, not verified, but expires_at is past")
            .new_model(false)
            .approval("expires_at", iso_in_days(-1))
            .conflict(EXPIRED),
        Draft::new(
            44,
            "expired-without-zone",
            "expires_at is past, and comes without a time zone: it is UTC",
        )
        .approval("expires_at", iso_in_days(-1).trim_end_matches('Z'))
        .conflict(EXPIRED),
    ]
}
