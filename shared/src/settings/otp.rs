//! How codes are made, kept and checked here.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretSlice};

use super::{ConfigError, Settings};

/// Fewest bytes of a key: as many as the hash has, so that the key is never the weaker part (RFC 2104, section 3).
const KEY_BYTES: usize = 32;

/// Who makes and checks codes: `RESEND_OTP_MODE` (default `local`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtpMode {
    /// This service.
    Local,
    /// The platform's OTP service.
    Service,
}

/// `RESEND_OTP_*` of codes made here.
#[derive(Debug, Clone)]
pub struct OtpConfig {
    /// `RESEND_OTP_KEY`: what new codes are made under.
    pub key: SecretSlice<u8>,
    /// The second of `RESEND_OTP_KEY`, while rotating: what codes already sent were made under.
    pub older_key: Option<SecretSlice<u8>>,
    /// `RESEND_OTP_LENGTH` (default 6): digits of a code.
    pub length: u8,
    /// `RESEND_OTP_TTL_SECONDS` (default 300): life of a code.
    pub life: Duration,
    /// `RESEND_OTP_MAX_GUESSES` (default 5): guesses at the codes of a phone.
    pub max_guesses: u64,
}

impl OtpMode {
    /// Reads the setting.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        match settings.text("RESEND_OTP_MODE") {
            Some("local") => Ok(Self::Local),
            Some("service") => Ok(Self::Service),
            _ => Err(settings.wrong("RESEND_OTP_MODE", "local or service")),
        }
    }
}

impl OtpConfig {
    /// Reads the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let length = settings.number("RESEND_OTP_LENGTH", "digits", 4..=8)?;
        let life = settings.number("RESEND_OTP_TTL_SECONDS", "seconds", 30..=3_600)?;
        let (key, older_key) = keys(settings, "RESEND_OTP_KEY")?;
        let length = u8::try_from(length).unwrap_or(u8::MAX);
        let max_guesses = settings.number("RESEND_OTP_MAX_GUESSES", "guesses", 1..=100)?;
        Ok(Self { key, older_key, length, life: Duration::from_secs(life), max_guesses })
    }
}

/// One key or two, the newest first.
pub(super) fn keys(
    settings: &Settings,
    name: &'static str,
) -> Result<(SecretSlice<u8>, Option<SecretSlice<u8>>), ConfigError> {
    let wants = "at least 32 bytes in base64, as of openssl rand -base64 32; two, comma-separated, newest first, \
                 while rotating";
    settings.required(name, wants)?;
    let text = settings.secret(name).unwrap_or_default();
    let keys = match text.expose_secret().split_once(',') {
        None => key(text.expose_secret()).map(|key| (key, None)),
        Some((newest, older)) => key(newest).zip(key(older).map(Some)),
    };
    keys.ok_or_else(|| settings.wrong(name, wants))
}

fn key(text: &str) -> Option<SecretSlice<u8>> {
    let bytes = STANDARD.decode(text.trim()).ok()?;
    (bytes.len() >= KEY_BYTES).then(|| bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 32 bytes each.
    const NEW: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    const OLD: &str = "YWJjZGVmZ2hpamFiY2RlZmdoaWphYmNkZWZnaGlqYWI=";

    fn read(keys: &str) -> Result<OtpConfig, ConfigError> {
        OtpConfig::from_settings(&Settings::from_pairs([("RESEND_OTP_KEY", keys)])?)
    }

    #[test]
    fn two_keys_are_taken_newest_first() {
        let config = read(&format!("{NEW}, {OLD}")).unwrap();
        assert_eq!(config.key.expose_secret(), b"01234567890123456789012345678901");
        assert_eq!(config.older_key.unwrap().expose_secret(), b"abcdefghijabcdefghijabcdefghijab");
    }

    #[test]
    fn a_wrong_key_is_not_repeated() {
        for keys in [format!("{NEW},{OLD},{NEW}"), format!("{NEW},"), NEW[4..].to_owned()] {
            let error = read(&keys).unwrap_err().to_string();
            assert!(error.starts_with("RESEND_OTP_KEY is not right: it wants at least 32 bytes"), "{error}");
        }
    }
}
