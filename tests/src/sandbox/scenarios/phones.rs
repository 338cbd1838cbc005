//! Refused for the phone, though everything else is right. The contract fixes codes here, not words.

use super::{Scenario, draft::Draft};

/// No Polish number begins with 11: the area codes leave it out, so this can belong to nobody.
const ABROAD: &str = "+48110000081";

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Draft::new(
            80,
            "phone-missing",
            "an OTP approval without a number: there is nothing an SMS could be sent to",
        )
        .urgent("OTP", None)
        .refused(
            409,
            "request_conflict",
            Some("Resend SMS is not allowed for this authentication method"),
        ),
        Draft::new(81, "phone-abroad", "a country that is not among the allowed ones (+48)")
            .urgent("OTP", Some(ABROAD))
            .refused(409, "request_conflict", None),
    ]
}
