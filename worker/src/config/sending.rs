//! How codes are made and sent, and the secrets for the names of phones whose messages are counted.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretSlice};
use shared::settings::{ConfigErrors, OtpConfig, OtpMode, Settings};

use super::SmsConfig;

/// Longest one call of the OTP service may take: it sends the SMS during the call.
const LIMIT: Duration = Duration::from_secs(10);

/// `RESEND_OTP_MODE`, with the settings of either mode.
#[derive(Debug, Clone)]
pub enum SendingConfig {
    /// Codes are made here and sent through one of our channels.
    Local {
        /// `RESEND_OTP_*`.
        otp: OtpConfig,
        /// `RESEND_SMS_*`.
        sms: SmsConfig,
    },
    /// The platform's OTP service does both.
    Service(OtpServiceConfig),
}

/// `RESEND_OTP_URL`.
#[derive(Debug, Clone)]
pub struct OtpServiceConfig {
    /// `RESEND_OTP_URL`: base URL, without a trailing slash.
    pub url: String,
    /// Longest one call may take (10 s).
    pub limit: Duration,
}

impl SendingConfig {
    /// Reads the settings; those of the other mode are ignored.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigErrors> {
        match OtpMode::from_settings(settings)? {
            OtpMode::Local => Self::local(settings),
            OtpMode::Service => {
                let url = settings.http_url("RESEND_OTP_URL")?;
                Ok(Self::Service(OtpServiceConfig { url, limit: LIMIT }))
            }
        }
    }

    fn local(settings: &Settings) -> Result<Self, ConfigErrors> {
        let (otp, sms) = (OtpConfig::from_settings(settings), SmsConfig::from_settings(settings));
        match (otp, sms) {
            (Ok(otp), Ok(sms)) => Ok(Self::Local { otp, sms }),
            (otp, sms) => {
                let mut errors = ConfigErrors::default();
                [otp.err(), sms.err()].into_iter().flatten().for_each(|found| errors.add(found));
                Err(errors)
            }
        }
    }
}

/// `RESEND_OTP_KEY`, newest first. The OTP service does not need our key, so in that mode the registry's token may
/// replace it: it is secret, and the same for the whole fleet.
pub fn phone_secrets(settings: &Settings) -> Result<Vec<SecretSlice<u8>>, ConfigErrors> {
    let stands_in =
        settings.secret("RESEND_REGISTRY_TOKEN").filter(|_| settings.text("RESEND_OTP_KEY").is_none());
    if let Some(token) = stands_in {
        return Ok(vec![token.expose_secret().as_bytes().to_vec().into()]);
    }
    let OtpConfig { key, older_key, .. } = OtpConfig::from_settings(settings)?;
    Ok([Some(key), older_key].into_iter().flatten().collect())
}
