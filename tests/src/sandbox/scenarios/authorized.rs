//! Refused for the method `authorize_with` names.

use super::{
    Scenario, Words,
    draft::{Draft, in_days},
    ids::method_id,
    method::{ended_at, inactive, offline, otp, plain, third_person},
    refused_methods::NOT_ALLOWED,
};

const NO_SUCH_METHOD: Words =
    ("method_unusable", "Authentication method doesn't exist, is inactive or does not belong to this person");

pub(super) fn all() -> Vec<Scenario> {
    [unsuitable(), unusable()].into_iter().flatten().collect()
}

fn unsuitable() -> Vec<Scenario> {
    vec![
        Draft::new(60, "authorized-offline", "the method named takes no code")
            .authorized_with(offline(60))
            .method("authorize_with → OFFLINE")
            .conflict(NOT_ALLOWED),
        Draft::new(61, "authorized-third-person-offline", "the third person's own method takes no code")
            .authorized_with(third_person(61, "OFFLINE"))
            .method("authorize_with → THIRD_PERSON with OFFLINE")
            .conflict(NOT_ALLOWED),
        Draft::new(62, "authorized-na", "the method named was reset")
            .authorized_with(plain(62, "NA"))
            .method("authorize_with → NA")
            .conflict(NOT_ALLOWED),
    ]
}

fn unusable() -> Vec<Scenario> {
    vec![
        Draft::new(70, "authorized-missing", "the person has no such method")
            .approval("authorize_with", method_id(71).to_string())
            .method("authorize_with → none")
            .conflict(NO_SUCH_METHOD),
        Draft::new(72, "authorized-of-another", "the method named is that of scenario “otp-authorized”")
            .approval("authorize_with", method_id(2).to_string())
            .method("authorize_with → another person's OTP")
            .conflict(NO_SUCH_METHOD),
        Draft::new(73, "authorized-ended", "ended_at is past")
            .authorized_with(ended_at(otp(73), in_days(-1)))
            .method("authorize_with → OTP, ended")
            .conflict(NO_SUCH_METHOD),
        Draft::new(74, "authorized-inactive", "is_active of the method is false")
            .authorized_with(inactive(otp(74)))
            .method("authorize_with → OTP, inactive")
            .conflict(NO_SUCH_METHOD),
        Draft::new(75, "authorized-third-person-ended", "a third person with OTP, but ended")
            .authorized_with(ended_at(third_person(75, "OTP"), in_days(-1)))
            .method("authorize_with → THIRD_PERSON with OTP, ended")
            .conflict(NO_SUCH_METHOD),
    ]
}
