//! How codes are made, stored and checked here.

use std::collections::HashSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretSlice};

use super::{ConfigError, ConfigErrors, Settings};

/// Fewest bytes of a key: as many as the hash has, so that the key is not the weaker part (RFC 2104, section 3).
const KEY_BYTES: usize = 32;

/// Fewest different bytes of a key: a random one has more than twenty, zeros or a repeated word fewer than this.
const DIFFERENT_BYTES: usize = 8;
/// Fewest digits and longest lifetime that NIST SP 800-63B allows for a code.
const NIST_DIGITS: u8 = 6;
const NIST_LIFE: Duration = Duration::from_mins(10);

/// Failed checks that a phone allows within an hour, whatever was resent.
pub const FAILED_CHECKS_PER_PHONE_HOUR: u64 = 15;

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
    /// `RESEND_OTP_KEY`: the key of new codes.
    pub key: SecretSlice<u8>,
    /// The second of `RESEND_OTP_KEY`, during a rotation: the key of codes already sent.
    pub older_key: Option<SecretSlice<u8>>,
    /// `RESEND_OTP_LENGTH` (default 6): digits of a code.
    pub length: u8,
    /// `RESEND_OTP_TTL_SECONDS` (default 300): lifetime of a code.
    pub life: Duration,
    /// `RESEND_OTP_MAX_GUESSES` (default 5): guesses at each code.
    pub max_guesses: u64,
}

impl OtpMode {
    /// Reads the setting.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let is_local = settings.choice("RESEND_OTP_MODE")? == "local";
        Ok(if is_local { Self::Local } else { Self::Service })
    }
}

impl OtpConfig {
    /// Reads the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigErrors> {
        let keys = keys(settings);
        crate::read_settings!(Self {
            older_key: keys.clone().map(|(_, older)| older),
            key: keys.map(|(newest, _)| newest),
            length: settings
                .number("RESEND_OTP_LENGTH")
                .map(|digits| u8::try_from(digits).unwrap_or(u8::MAX)),
            life: settings.number("RESEND_OTP_TTL_SECONDS").map(Duration::from_secs),
            max_guesses: settings.number("RESEND_OTP_MAX_GUESSES"),
        })
    }
}

impl OtpConfig {
    /// Allowed but weak settings, described for the log.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.length < NIST_DIGITS {
            let odds = 10_u64.pow(self.length.into()) / FAILED_CHECKS_PER_PHONE_HOUR;
            warnings.push(format!(
                "RESEND_OTP_LENGTH={}: the {FAILED_CHECKS_PER_PHONE_HOUR} guesses a phone allows in an hour hit a code \
                 with odds of 1 in {odds}; NIST SP 800-63B asks for {NIST_DIGITS} digits",
                self.length
            ));
        }
        if self.life > NIST_LIFE {
            let seconds = self.life.as_secs();
            warnings.push(format!("RESEND_OTP_TTL_SECONDS={seconds}: NIST SP 800-63B asks for 600 at most"));
        }
        warnings
    }
}

/// One key or two, the newest first.
fn keys(settings: &Settings) -> Result<(SecretSlice<u8>, Option<SecretSlice<u8>>), ConfigError> {
    const NAME: &str = "RESEND_OTP_KEY";
    let text = settings.required(NAME)?;
    let keys = match text.split_once(',') {
        None => key(text).map(|key| (key, None)),
        Some((newest, older)) => key(newest).zip(key(older).map(Some)),
    };
    let is_right = |(newest, older): &(SecretSlice<u8>, Option<SecretSlice<u8>>)| {
        older.as_ref().is_none_or(|older| older.expose_secret() != newest.expose_secret())
    };
    keys.filter(is_right).ok_or_else(|| settings.invalid(NAME))
}

fn key(text: &str) -> Option<SecretSlice<u8>> {
    let bytes = STANDARD.decode(text.trim()).ok()?;
    let different: HashSet<_> = bytes.iter().collect();
    let is_random = bytes.len() >= KEY_BYTES && different.len() >= DIFFERENT_BYTES;
    is_random.then(|| bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 32 bytes each.
    const NEW: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    const OLD: &str = "YWJjZGVmZ2hpamFiY2RlZmdoaWphYmNkZWZnaGlqYWI=";

    fn read(keys: &str) -> Result<OtpConfig, ConfigErrors> {
        OtpConfig::from_settings(&Settings::from_pairs([("RESEND_OTP_KEY", keys)])?)
    }

    #[test]
    fn two_keys_are_taken_newest_first() {
        let config = read(&format!("{NEW}, {OLD}")).unwrap();
        assert_eq!(config.key.expose_secret(), b"01234567890123456789012345678901");
        assert_eq!(config.older_key.unwrap().expose_secret(), b"abcdefghijabcdefghijabcdefghijab");
    }

    #[test]
    fn a_short_code_is_allowed_with_a_warning_that_names_the_odds() {
        let config = |changes: &[(&str, &str)]| {
            let pairs = [("RESEND_OTP_KEY", NEW)].into_iter().chain(changes.iter().copied());
            OtpConfig::from_settings(&Settings::from_pairs(pairs).unwrap()).unwrap()
        };
        assert!(config(&[]).warnings().is_empty());
        let weak = config(&[("RESEND_OTP_LENGTH", "4"), ("RESEND_OTP_TTL_SECONDS", "900")]).warnings();
        assert!(weak[0].contains("1 in 666") && weak[1].contains("RESEND_OTP_TTL_SECONDS=900"), "{weak:?}");
    }

    #[test]
    fn a_wrong_key_is_not_repeated() {
        for keys in [format!("{NEW},{OLD},{NEW}"), format!("{NEW},"), NEW[4..].to_owned()] {
            let error = read(&keys).unwrap_err().to_string();
            assert!(
                error.starts_with("invalid RESEND_OTP_KEY: expected at least 32 random bytes"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_key_that_is_not_random_is_refused() {
        let repeated = |word: &str| STANDARD.encode(word.repeat(32));
        for keys in [repeated("\0"), repeated("a"), repeated("secret"), format!("{NEW},{NEW}")] {
            assert!(read(&keys).is_err(), "{keys}");
        }
    }
}
