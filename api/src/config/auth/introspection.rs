//! The mode `introspection` (RFC 7662).

use reqwest::Url;
use secrecy::SecretString;
use shared::settings::{ConfigError, Settings};

/// The introspection endpoint and how to prove who asks.
#[derive(Debug, Clone)]
pub struct IntrospectionConfig {
    /// `RESEND_AUTH_URL` (no default).
    pub url: Url,
    /// `RESEND_AUTH_CLIENT_ID` (no default).
    pub client_id: String,
    /// `RESEND_AUTH_CLIENT_SECRET` (no default).
    pub client_secret: SecretString,
    /// `RESEND_AUTH_ISSUER` (default none): `iss` every token must have.
    pub issuer: Option<String>,
    /// `RESEND_AUTH_AUDIENCE` (default none): must be among `aud` of every token.
    pub audience: Option<String>,
}

impl IntrospectionConfig {
    /// Reads the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let client_id =
            settings.required("RESEND_AUTH_CLIENT_ID", "the user name of the introspection call")?;
        let client_secret =
            settings.secret("RESEND_AUTH_CLIENT_SECRET").ok_or_else(|| ConfigError::Missing {
                variable: "RESEND_AUTH_CLIENT_SECRET",
                wants: "the password of the introspection call".to_owned(),
            })?;
        Ok(Self {
            url: super::url(settings)?,
            client_id: client_id.to_owned(),
            client_secret,
            issuer: settings.text("RESEND_AUTH_ISSUER").map(str::to_owned),
            audience: settings.text("RESEND_AUTH_AUDIENCE").map(str::to_owned),
        })
    }
}
