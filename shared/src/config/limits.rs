//! Limits that are checked when a request is accepted: both are per approval, so they need no look at the registry.

use std::time::Duration;

use super::{ConfigError, Settings};

/// `RESEND_LIMIT_COOLDOWN_SECONDS` and `RESEND_LIMIT_PER_APPROVAL_HOUR`; zero switches a limit off.
#[derive(Debug, Clone)]
pub struct ApprovalLimits {
    /// `RESEND_LIMIT_COOLDOWN_SECONDS` (default 60): between two messages for one approval.
    pub cooldown: Duration,
    /// `RESEND_LIMIT_PER_APPROVAL_HOUR` (default 4): messages for one approval.
    pub per_hour: u64,
}

impl ApprovalLimits {
    /// Reads the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let cooldown = settings.number("RESEND_LIMIT_COOLDOWN_SECONDS", "seconds", 0..=3_600)?;
        let per_hour = settings.number("RESEND_LIMIT_PER_APPROVAL_HOUR", "messages", 0..=1_000)?;
        Ok(Self { cooldown: Duration::from_secs(cooldown), per_hour })
    }
}
