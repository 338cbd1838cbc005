//! The gateway of one channel. Each channel has its own variables, which override the general ones.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use shared::settings::{ConfigError, ConfigErrors, Settings};

use super::SmppConfig;

/// Longest one submission may take.
const LIMIT: Duration = Duration::from_secs(10);

/// One channel of `RESEND_SMS_CHANNEL`.
#[derive(Debug, Clone)]
pub enum ChannelConfig {
    /// The generic channel: one JSON POST (contract, section 8).
    Http(HttpChannelConfig),
    /// SMPP 3.4.
    Smpp(SmppConfig),
    /// TurboSMS, `https://api.turbosms.ua/message/send.json`.
    TurboSms(HttpChannelConfig),
    /// Twilio, `https://api.twilio.com/2010-04-01/Accounts/{Sid}/Messages.json`.
    Twilio(HttpChannelConfig),
}

/// `RESEND_SMS_<CHANNEL>_*`, each falling back to the variable without the channel.
#[derive(Debug, Clone)]
pub struct HttpChannelConfig {
    /// `RESEND_SMS_<CHANNEL>_URL` or `RESEND_SMS_URL`: the full URL of the POST.
    pub url: String,
    /// `RESEND_SMS_<CHANNEL>_TOKEN` or `RESEND_SMS_TOKEN`: in the form of its header.
    pub authorization: Option<HeaderValue>,
    /// `RESEND_SMS_<CHANNEL>_SENDER` or `RESEND_SMS_SENDER` (default `eHealth`).
    pub sender: String,
    /// Longest one submission may take (10 s).
    pub limit: Duration,
}

/// The names of a channel's own variables: URL, token, sender.
type Own = [&'static str; 3];

const GENERAL: Own = ["RESEND_SMS_URL", "RESEND_SMS_TOKEN", "RESEND_SMS_SENDER"];
const HTTP: Own = ["RESEND_SMS_HTTP_URL", "RESEND_SMS_HTTP_TOKEN", "RESEND_SMS_HTTP_SENDER"];
// The password is in the URL.
const SMPP: Own = ["RESEND_SMS_SMPP_URL", "RESEND_SMS_TOKEN", "RESEND_SMS_SMPP_SENDER"];
const TURBOSMS: Own = ["RESEND_SMS_TURBOSMS_URL", "RESEND_SMS_TURBOSMS_TOKEN", "RESEND_SMS_TURBOSMS_SENDER"];
const TWILIO: Own = ["RESEND_SMS_TWILIO_URL", "RESEND_SMS_TWILIO_TOKEN", "RESEND_SMS_TWILIO_SENDER"];

impl ChannelConfig {
    /// Its name in settings and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Smpp(_) => "smpp",
            Self::TurboSms(_) => "turbosms",
            Self::Twilio(_) => "twilio",
        }
    }

    pub(super) fn http(settings: &Settings) -> Result<Self, ConfigErrors> {
        let names = names(settings, HTTP);
        let authorization = super::bearer(settings, names[1]);
        HttpChannelConfig::from_settings(settings, names, authorization).map(Self::Http)
    }

    pub(super) fn smpp(settings: &Settings) -> Result<Self, ConfigErrors> {
        let [url, _, sender] = names(settings, SMPP);
        Ok(SmppConfig::from_settings(settings, url, self::sender(settings, sender)?).map(Self::Smpp)?)
    }

    pub(super) fn turbosms(settings: &Settings) -> Result<Self, ConfigErrors> {
        let names = names(settings, TURBOSMS);
        let given = settings.required(names[1]);
        let authorization = given.and_then(|_| super::bearer(settings, names[1]));
        HttpChannelConfig::from_settings(settings, names, authorization).map(Self::TurboSms)
    }

    pub(super) fn twilio(settings: &Settings) -> Result<Self, ConfigErrors> {
        let names = names(settings, TWILIO);
        let authorization = account(settings, names).map(Some);
        HttpChannelConfig::from_settings(settings, names, authorization).map(Self::Twilio)
    }
}

impl HttpChannelConfig {
    fn from_settings(
        settings: &Settings,
        [url, _, sender]: Own,
        authorization: Result<Option<HeaderValue>, ConfigError>,
    ) -> Result<Self, ConfigErrors> {
        shared::read_settings!(Self {
            // Used unchanged: a trailing slash is part of a full URL.
            url: settings.http_url(url).map(|_| settings.text(url).unwrap_or_default().to_owned()),
            authorization: authorization,
            sender: self::sender(settings, sender),
            limit: Ok::<_, ConfigError>(LIMIT),
        })
    }
}

fn names(settings: &Settings, own: Own) -> Own {
    let first = |index: usize| if settings.text(own[index]).is_some() { own[index] } else { GENERAL[index] };
    [first(0), first(1), first(2)]
}

/// Basic credentials: the account, which is in the URL, and its token.
fn account(settings: &Settings, [url, token, _]: Own) -> Result<HeaderValue, ConfigError> {
    let mut segments = settings.required(url)?.split('/').skip_while(|segment| *segment != "Accounts");
    let account = segments.nth(1).filter(|account| !account.is_empty());
    let account = account.ok_or_else(|| {
        settings.invalid_because(url, "a URL with the account in it, …/Accounts/AC…/Messages.json".to_owned())
    })?;
    let credentials = STANDARD.encode(format!("{account}:{}", settings.required(token)?));
    let header = HeaderValue::try_from(format!("Basic {credentials}"));
    let mut header = header.map_err(|_| settings.invalid(token))?;
    header.set_sensitive(true);
    Ok(header)
}

/// A short code or an alphanumeric sender (3GPP TS 23.040, section 9.1.2.5: at most 11 letters or 20 half-octets).
fn sender(settings: &Settings, name: &'static str) -> Result<String, ConfigError> {
    let sender = settings.required(name)?;
    let is_word = sender.len() <= 11
        && sender.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" .-_".contains(&byte));
    let digits = sender.strip_prefix('+').unwrap_or(sender);
    let is_number = (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_word || is_number { Ok(sender.to_owned()) } else { Err(settings.invalid(name)) }
}
