//! The mode `introspection` (RFC 7662).

use reqwest::Url;
use secrecy::SecretString;
use shared::settings::{ConfigErrors, Settings};

/// The introspection endpoint, and our credentials there.
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
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigErrors> {
        shared::read_settings!(Self {
            url: super::url(settings),
            client_id: settings.required("RESEND_AUTH_CLIENT_ID").map(str::to_owned),
            client_secret: settings.required("RESEND_AUTH_CLIENT_SECRET").map(SecretString::from),
            issuer: settings.optional("RESEND_AUTH_ISSUER"),
            audience: settings.optional("RESEND_AUTH_AUDIENCE"),
        })
    }
}
