//! What the message says and which way it goes.

use std::time::Duration;

use reqwest::header::HeaderValue;
use shared::config::{ConfigError, Settings};

use crate::sms::MessageText;

/// Longest one submission may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Channels of the contract that this build does not have.
const NOT_IN_THIS_BUILD: [&str; 3] = ["smpp", "turbosms", "twilio"];

/// `RESEND_SMS_*`.
#[derive(Debug, Clone)]
pub struct SmsConfig {
    /// `RESEND_SMS_TEXT` (default `Код авторизації дій в системі eHealth: {code}`).
    pub text: MessageText,
    /// The channel of `RESEND_SMS_CHANNEL` (default `http`).
    pub http: HttpChannelConfig,
}

/// `RESEND_SMS_HTTP_*`, each falling back to the variable without `HTTP`.
#[derive(Debug, Clone)]
pub struct HttpChannelConfig {
    /// `RESEND_SMS_HTTP_URL` or `RESEND_SMS_URL`: the whole URL that is posted to.
    pub url: String,
    /// `RESEND_SMS_HTTP_TOKEN` or `RESEND_SMS_TOKEN`: as the header it is sent in.
    pub authorization: Option<HeaderValue>,
    /// `RESEND_SMS_HTTP_SENDER` or `RESEND_SMS_SENDER` (default `eHealth`).
    pub sender: String,
    /// Longest one submission may take (10 s).
    pub limit: Duration,
}

impl SmsConfig {
    /// Reads the settings; the text must fit one SMS with a code of this many digits.
    pub fn from_settings(settings: &Settings, digits: u8) -> Result<Self, ConfigError> {
        check_channel(settings)?;
        let template = settings.required("RESEND_SMS_TEXT", "a text with {code} in it")?;
        let text = MessageText::new(template, digits);
        Ok(Self {
            text: text.map_err(|error| settings.wrong("RESEND_SMS_TEXT", &error.to_string()))?,
            http: HttpChannelConfig::from_settings(settings)?,
        })
    }
}

impl HttpChannelConfig {
    fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let first = |own, general| if settings.text(own).is_some() { own } else { general };
        let url = first("RESEND_SMS_HTTP_URL", "RESEND_SMS_URL");
        super::callable(settings, url)?;
        Ok(Self {
            // As given: a trailing slash of a whole URL is part of it.
            url: settings.text(url).unwrap_or_default().to_owned(),
            authorization: super::bearer(settings, first("RESEND_SMS_HTTP_TOKEN", "RESEND_SMS_TOKEN"))?,
            sender: sender(settings, first("RESEND_SMS_HTTP_SENDER", "RESEND_SMS_SENDER"))?,
            limit: LIMIT,
        })
    }
}

fn check_channel(settings: &Settings) -> Result<(), ConfigError> {
    let names = settings.text("RESEND_SMS_CHANNEL").unwrap_or_default();
    for name in names.split(',').map(str::trim) {
        if NOT_IN_THIS_BUILD.contains(&name) {
            let wants = format!("http; {name} is not available in this build");
            return Err(settings.wrong("RESEND_SMS_CHANNEL", &wants));
        }
    }
    if names == "http" { Ok(()) } else { Err(settings.wrong("RESEND_SMS_CHANNEL", "http")) }
}

/// A short code or an alphanumeric sender (3GPP TS 23.040, section 9.1.2.5: at most 11 letters or 20 half-octets).
fn sender(settings: &Settings, name: &'static str) -> Result<String, ConfigError> {
    let wants = "1 to 11 letters, digits, spaces, dots and dashes, or a number of up to 15 digits";
    let sender = settings.required(name, wants)?;
    let is_word = sender.len() <= 11
        && sender.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" .-_".contains(&byte));
    let digits = sender.strip_prefix('+').unwrap_or(sender);
    let is_number = (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_word || is_number { Ok(sender.to_owned()) } else { Err(settings.wrong(name, wants)) }
}
