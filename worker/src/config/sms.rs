//! The text of the message, and its channels.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use shared::settings::{ConfigError, ConfigErrors, Settings};

use super::channel::ChannelConfig;
use super::rate::rate;
use crate::message_text::MessageText;

/// `RESEND_SMS_*`.
#[derive(Debug, Clone)]
pub struct SmsConfig {
    /// `RESEND_SMS_TEXT` (default `Код авторизації дій в системі eHealth: {code}`).
    pub text: MessageText,
    /// `RESEND_SMS_CHANNEL` (default `http`), in the order of fallback; at least one.
    pub channels: Vec<ChannelConfig>,
    /// `RESEND_SMS_PER_SECOND`, `RESEND_SMS_<CHANNEL>_PER_SECOND`: by name, for channels that have one.
    pub rates: HashMap<&'static str, NonZeroU32>,
    /// `RESEND_OTP_TTL_SECONDS`: after that a message is useless.
    pub life: Duration,
}

impl SmsConfig {
    /// Reads the settings; the text must fit one SMS with a code of the configured length.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigErrors> {
        let channels = channels(settings);
        let rates =
            channels.as_ref().map_or_else(|_| Ok(HashMap::new()), |channels| rates(settings, channels));
        shared::read_settings!(Self {
            text: text(settings),
            channels: channels,
            rates: rates,
            life: settings.number("RESEND_OTP_TTL_SECONDS").map(Duration::from_secs),
        })
    }
}

fn text(settings: &Settings) -> Result<MessageText, ConfigError> {
    const NAME: &str = "RESEND_SMS_TEXT";
    let digits = u8::try_from(settings.number("RESEND_OTP_LENGTH")?).unwrap_or(u8::MAX);
    let text = MessageText::new(settings.required(NAME)?, digits);
    text.map_err(|error| settings.invalid_because(NAME, error.to_string()))
}

fn rates(
    settings: &Settings,
    channels: &[ChannelConfig],
) -> Result<HashMap<&'static str, NonZeroU32>, ConfigError> {
    let mut rates = HashMap::new();
    for channel in channels {
        rates.extend(rate(settings, channel.name())?.map(|rate| (channel.name(), rate)));
    }
    Ok(rates)
}

fn channels(settings: &Settings) -> Result<Vec<ChannelConfig>, ConfigErrors> {
    const NAME: &str = "RESEND_SMS_CHANNEL";
    let names: Vec<_> = settings.required(NAME)?.split(',').map(str::trim).collect();
    let is_twice = |index: usize| names[..index].contains(&names[index]);
    if (0..names.len()).any(is_twice) {
        return Err(settings.invalid(NAME).into());
    }
    let (mut channels, mut errors) = (Vec::new(), ConfigErrors::default());
    for channel in names {
        let read = match channel {
            "http" => ChannelConfig::http(settings),
            "smpp" => ChannelConfig::smpp(settings),
            "turbosms" => ChannelConfig::turbosms(settings),
            "twilio" => ChannelConfig::twilio(settings),
            _ => Err(settings.invalid(NAME).into()),
        };
        channels.extend(read.map_err(|found| errors.add(found)));
    }
    errors.into_result().map(|()| channels)
}
