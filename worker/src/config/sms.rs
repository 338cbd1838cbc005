//! What the message says and which ways it goes.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use shared::settings::{ConfigError, Settings};

use super::channel::ChannelConfig;
use super::rate::rate;
use crate::sms::MessageText;

/// `RESEND_SMS_*`.
#[derive(Debug, Clone)]
pub struct SmsConfig {
    /// `RESEND_SMS_TEXT` (default `Код авторизації дій в системі eHealth: {code}`).
    pub text: MessageText,
    /// `RESEND_SMS_CHANNEL` (default `http`), in the order of fallback; at least one.
    pub channels: Vec<ChannelConfig>,
    /// `RESEND_SMS_PER_SECOND`, `RESEND_SMS_<CHANNEL>_PER_SECOND`: by name, of channels that have one.
    pub rates: HashMap<&'static str, NonZeroU32>,
    /// `RESEND_OTP_TTL_SECONDS`: after that a message is of no use to anybody.
    pub life: Duration,
}

impl SmsConfig {
    /// Reads the settings; the text must fit one SMS with a code of this many digits.
    pub fn from_settings(settings: &Settings, digits: u8) -> Result<Self, ConfigError> {
        let channels = channels(settings)?;
        let template = settings.required("RESEND_SMS_TEXT", "a text with {code} in it")?;
        let text = MessageText::new(template, digits);
        let life = settings.number("RESEND_OTP_TTL_SECONDS", "seconds", 30..=3_600)?;
        let mut rates = HashMap::new();
        for channel in &channels {
            rates.extend(rate(settings, channel.name())?.map(|rate| (channel.name(), rate)));
        }
        Ok(Self {
            text: text.map_err(|error| settings.wrong("RESEND_SMS_TEXT", &error.to_string()))?,
            channels,
            rates,
            life: Duration::from_secs(life),
        })
    }
}

fn channels(settings: &Settings) -> Result<Vec<ChannelConfig>, ConfigError> {
    let name = "RESEND_SMS_CHANNEL";
    let wants = "http, smpp, turbosms or twilio, or several, comma-separated, in the order of fallback";
    let names: Vec<_> = settings.required(name, wants)?.split(',').map(str::trim).collect();
    let is_twice = |index: usize| names[..index].contains(&names[index]);
    if (0..names.len()).any(is_twice) {
        return Err(settings.wrong(name, &format!("{wants}, none twice")));
    }
    names
        .iter()
        .map(|channel| match *channel {
            "http" => ChannelConfig::http(settings),
            "smpp" => ChannelConfig::smpp(settings),
            "turbosms" => ChannelConfig::turbosms(settings),
            "twilio" => ChannelConfig::twilio(settings),
            _ => Err(settings.wrong(name, wants)),
        })
        .collect()
}
