//! The mode `jwt` (RFC 9068).

use reqwest::Url;
use shared::settings::{ConfigErrors, Settings};

/// The accepted issuer and audience, and the URL of the keys.
#[derive(Debug, Clone)]
pub struct JwtConfig {
    /// `RESEND_AUTH_URL` (no default): the issuer's key set.
    pub keys: Url,
    /// `RESEND_AUTH_ISSUER` (no default): `iss` of every token, compared exactly.
    pub issuer: String,
    /// `RESEND_AUTH_AUDIENCE` (no default): must be among `aud` of every token.
    pub audience: String,
}

impl JwtConfig {
    /// Reads the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigErrors> {
        shared::read_settings!(Self {
            keys: super::url(settings),
            issuer: settings.required("RESEND_AUTH_ISSUER").map(str::to_owned),
            audience: settings.required("RESEND_AUTH_AUDIENCE").map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_missing_setting_is_named() {
        let complete = [
            ("RESEND_AUTH_URL", "http://a/jwks"),
            ("RESEND_AUTH_ISSUER", "i"),
            ("RESEND_AUTH_AUDIENCE", "a"),
        ];
        let read = |pairs| JwtConfig::from_settings(&Settings::from_pairs::<&str, &str>(pairs).unwrap());
        assert!(read(complete.to_vec()).is_ok());
        for (left_out, _) in complete {
            let pairs = complete.into_iter().filter(|(name, _)| *name != left_out).collect();
            let error = read(pairs).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{left_out} is not set")), "{error}");
        }
    }
}
