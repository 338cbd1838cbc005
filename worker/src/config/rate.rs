//! The rate of messages to a channel.

use std::num::NonZeroU32;

use shared::settings::{ConfigError, Settings};

const GENERAL: &str = "RESEND_SMS_PER_SECOND";

/// `RESEND_SMS_<CHANNEL>_PER_SECOND` or `RESEND_SMS_PER_SECOND`; `None`: unlimited.
pub(super) fn rate(settings: &Settings, channel: &str) -> Result<Option<NonZeroU32>, ConfigError> {
    let own = match channel {
        "http" => "RESEND_SMS_HTTP_PER_SECOND",
        "smpp" => "RESEND_SMS_SMPP_PER_SECOND",
        "turbosms" => "RESEND_SMS_TURBOSMS_PER_SECOND",
        _ => "RESEND_SMS_TWILIO_PER_SECOND",
    };
    let name = if settings.text(own).is_some() { own } else { GENERAL };
    if settings.text(name).is_none() {
        return Ok(None);
    }
    let rate = settings.number(name)?;
    Ok(u32::try_from(rate).ok().and_then(NonZeroU32::new))
}
