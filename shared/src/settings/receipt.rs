//! Who may say over HTTP what became of a message.

use secrecy::SecretSlice;

use super::{ConfigError, Settings};

/// `RESEND_RECEIPT_SECRET`.
#[derive(Debug, Clone)]
pub struct ReceiptConfig {
    /// What call-backs are signed with, newest first; two while rotating.
    pub secrets: Vec<SecretSlice<u8>>,
}

impl ReceiptConfig {
    /// Reads the setting; none: nobody may.
    pub fn from_settings(settings: &Settings) -> Result<Option<Self>, ConfigError> {
        let name = "RESEND_RECEIPT_SECRET";
        if settings.text(name).is_none() {
            return Ok(None);
        }
        let (newest, older) = super::otp::keys(settings, name)?;
        Ok(Some(Self { secrets: [Some(newest), older].into_iter().flatten().collect() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

    fn read(secret: &str) -> Result<Option<ReceiptConfig>, ConfigError> {
        ReceiptConfig::from_settings(&Settings::from_pairs([("RESEND_RECEIPT_SECRET", secret)])?)
    }

    #[test]
    fn none_one_or_two_secrets() {
        for (secret, expected) in [("", 0), (KEY, 1), (&format!("{KEY},{KEY}"), 2)] {
            assert_eq!(read(secret).unwrap().map_or(0, |config| config.secrets.len()), expected);
        }
        assert!(read("short").unwrap_err().to_string().starts_with("RESEND_RECEIPT_SECRET"));
    }
}
