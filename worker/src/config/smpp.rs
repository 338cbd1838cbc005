//! The SMSC of the `smpp` channel, and our account there.

use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use shared::settings::{ConfigError, Settings};

/// The port of SMPP (IANA).
const PORT: u16 = 2_775;

/// Longest credentials of SMPP 3.4 (section 4.1.1): 15 and 8 octets.
const SYSTEM_ID: usize = 15;
const PASSWORD: usize = 8;

/// `RESEND_SMS_SMPP_*`, each falling back to the variable without the channel.
#[derive(Debug, Clone)]
pub struct SmppConfig {
    /// `RESEND_SMS_SMPP_URL` or `RESEND_SMS_URL`: name or address of the SMSC.
    pub host: String,
    /// Its port; 2775 if the URL has none.
    pub port: u16,
    /// Our system id.
    pub system_id: String,
    /// Our password.
    pub password: SecretString,
    /// `RESEND_SMS_SMPP_SENDER` or `RESEND_SMS_SENDER` (default `eHealth`).
    pub sender: String,
    /// Time limit for connecting, for binding, and for the answer to one part of a message (5 s each).
    pub limit: Duration,
    /// `RESEND_SMS_SMPP_WINDOW` (default 10): most submits without an answer; SMSCs commonly allow ten. Further jobs
    /// wait.
    pub window: usize,
    /// `RESEND_SMS_SMPP_VALIDITY_PERIOD` (default `true`): messages tell the SMSC how long their code is valid.
    pub validity_period: bool,
    /// How long the session is idle before the SMSC is asked whether it is alive (15 s).
    pub keep_alive: Duration,
}

/// What a valid URL looks like, also in the variable that all channels share.
const EXPECTED: &str = "smpp://system_id:password@host:port, the system id of at most 15 and the password of at most 8 \
                        visible ASCII characters, special ones as %XX";

/// The default window.
const WINDOW: usize = 10;

impl SmppConfig {
    pub(super) fn from_settings(
        settings: &Settings,
        url: &'static str,
        sender: String,
    ) -> Result<Self, ConfigError> {
        let config = Self::from_url(settings.required(url)?, sender);
        let config = config.ok_or_else(|| settings.invalid_because(url, EXPECTED.to_owned()))?;
        let window = settings.number("RESEND_SMS_SMPP_WINDOW")?;
        let validity_period = settings.choice("RESEND_SMS_SMPP_VALIDITY_PERIOD")? == "true";
        Ok(Self { window: usize::try_from(window).unwrap_or(WINDOW), validity_period, ..config })
    }

    fn from_url(url: &str, sender: String) -> Option<Self> {
        let url = Url::parse(url).ok().filter(|url| url.scheme() == "smpp")?;
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let host = url.host_str().filter(|host| !host.is_empty() && is_bare)?;
        Some(Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port().unwrap_or(PORT),
            system_id: credential(url.username(), SYSTEM_ID)?,
            password: credential(url.password()?, PASSWORD)?.into(),
            sender,
            limit: Duration::from_secs(5),
            window: WINDOW,
            validity_period: true,
            keep_alive: Duration::from_secs(15),
        })
    }
}

/// Decodes a percent-encoded part of the URL.
fn credential(escaped: &str, most: usize) -> Option<String> {
    let mut plain = Vec::new();
    let mut bytes = escaped.bytes();
    while let Some(byte) = bytes.next() {
        plain.push(if byte == b'%' { 16 * hex(bytes.next()?)? + hex(bytes.next()?)? } else { byte });
    }
    let fits = (1..=most).contains(&plain.len()) && plain.iter().all(u8::is_ascii_graphic);
    String::from_utf8(plain).ok().filter(|_| fits)
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn read(url: &str) -> Option<SmppConfig> {
        SmppConfig::from_url(url, "eHealth".to_owned())
    }

    #[test]
    fn the_url_holds_place_and_credentials() {
        let config = read("smpp://ehealth:p%40ss%3Aw@smsc.example:2776").unwrap();
        assert_eq!((config.host.as_str(), config.port), ("smsc.example", 2_776));
        assert_eq!((config.system_id.as_str(), config.password.expose_secret()), ("ehealth", "p@ss:w"));
        assert_eq!(read("smpp://a:b@10.0.0.1/").unwrap().port, 2_775);
        assert_eq!(read("smpp://a:b@[::1]:9").unwrap().host, "::1");
    }

    #[test]
    fn what_a_bind_cannot_carry_is_refused() {
        for url in [
            "http://a:b@host",
            "smpps://a:b@host",
            "smpp://host",
            "smpp://a@host",
            "smpp://:b@host",
            "smpp://a:ninechars@host",
            "smpp://sixteencharacter:b@host",
            "smpp://a:b%00@host",
            "smpp://a:b%4@host",
            "smpp://a:b@host/path",
            "smpp://a:b@host?x=1",
        ] {
            assert!(read(url).is_none(), "{url}");
        }
    }

    #[test]
    fn the_password_does_not_print() {
        assert!(!format!("{:?}", read("smpp://a:hunter2@host")).contains("hunter2"));
    }
}
