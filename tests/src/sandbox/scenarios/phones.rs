//! Where the code goes: the number as the approval gives it, whole or masked.

use super::{
    Scenario, Words,
    draft::{Draft, in_days},
    ids::{masked, method_id, phone, twin},
    method::{ended_at, otp, otp_at},
};

const UNUSABLE: Words = ("phone_unusable", "Phone number of the approval can not be used");

/// No Polish number begins with 11: the area codes leave it out, so this can belong to nobody.
const ABROAD: &str = "+48110000081";

pub(super) fn all() -> Vec<Scenario> {
    [whole(), found_by_mask(), not_found_by_mask()].into_iter().flatten().collect()
}

fn whole() -> Vec<Scenario> {
    vec![
        Draft::new(80, "phone-missing", "an OTP approval without a number")
            .urgent("OTP", None)
            .conflict(UNUSABLE),
        Draft::new(81, "phone-abroad", "a country that is not among the allowed ones (+48)")
            .urgent("OTP", Some(ABROAD))
            .conflict(("country_not_allowed", "Sending SMS to this country is not allowed")),
        Draft::new(82, "phone-not-e164", "the number has no country code")
            .urgent("OTP", Some("0200000082"))
            .conflict(UNUSABLE),
        Draft::new(
            83,
            "phone-changed",
            "the person has another number by now; that of the approval is followed",
        )
        .methods([otp_at(83, &twin(83))])
        .sent(),
    ]
}

fn found_by_mask() -> Vec<Scenario> {
    vec![
        Draft::new(
            84,
            "masked",
            "the number is masked, as the platform stores it; the person's OTP method has it whole",
        )
        .urgent("OTP", Some(&masked(84)))
        .sent(),
        Draft::new(
            85,
            "masked-authorized",
            "two methods have that mask, and authorize_with names one of them",
        )
        .methods([otp_at(95, &twin(85)), otp(85)])
        .urgent("OTP", Some(&masked(85)))
        .approval("authorize_with", method_id(85).to_string())
        .method("authorize_with → OTP")
        .sent(),
    ]
}

fn not_found_by_mask() -> Vec<Scenario> {
    vec![
        Draft::new(86, "masked-twice", "two numbers of the person have that mask")
            .methods([otp(86), otp_at(96, &twin(86))])
            .urgent("OTP", Some(&masked(86)))
            .conflict(UNUSABLE),
        Draft::new(
            87,
            "masked-changed",
            "the person has another number by now, and the mask hides the approval's",
        )
        .methods([otp_at(87, &phone(187))])
        .urgent("OTP", Some("+38020*****99"))
        .conflict(UNUSABLE),
        Draft::new(88, "masked-ended", "the method with that number has ended")
            .methods([ended_at(otp(88), in_days(-1))])
            .urgent("OTP", Some(&masked(88)))
            .conflict(UNUSABLE),
    ]
}
