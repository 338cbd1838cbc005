//! The registry of persons and approvals.

use std::time::Duration;

use reqwest::header::HeaderValue;
use shared::settings::{ConfigError, ConfigErrors, Settings};

/// Longest one read may take. With the 10 s of an SMS it stays below the 20 s limit of a run.
const LIMIT: Duration = Duration::from_secs(3);

/// `RESEND_REGISTRY_*`.
#[derive(Debug, Clone)]
pub struct RegistryConfig {
    /// `RESEND_REGISTRY_URL`: base URL, without a trailing slash.
    pub url: String,
    /// `RESEND_REGISTRY_TOKEN`: in the form of its header.
    pub authorization: Option<HeaderValue>,
    /// Longest one read may take (3 s).
    pub limit: Duration,
}

impl RegistryConfig {
    /// Reads the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigErrors> {
        shared::read_settings!(Self {
            url: settings.http_url("RESEND_REGISTRY_URL"),
            authorization: super::bearer(settings, "RESEND_REGISTRY_TOKEN"),
            limit: Ok::<_, ConfigError>(LIMIT),
        })
    }
}
