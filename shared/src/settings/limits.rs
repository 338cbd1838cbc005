//! Limits: those per approval, and on a client's flood, are checked when a request is accepted, for they need no look at
//! the registry; those on messages before one is sent.

use std::time::Duration;

use super::{ConfigError, Settings};

/// A client may always have so many jobs accepted in a minute, however few messages it may send.
const LEAST_JOBS_PER_CLIENT_MINUTE: u64 = 1_000;

/// What is checked when a request is accepted; zero switches a limit off.
#[derive(Debug, Clone)]
pub struct ApprovalLimits {
    /// `RESEND_LIMIT_COOLDOWN_SECONDS` (default 60): between two messages for one approval.
    pub cooldown: Duration,
    /// `RESEND_LIMIT_PER_APPROVAL_HOUR` (default 4): messages for one approval.
    pub per_hour: u64,
    /// Jobs of one client: twice `RESEND_LIMIT_PER_CLIENT_MINUTE`, for not every job sends, and at
    /// least 1,000. Jobs past it could send nothing, and would only stand before those of other clients.
    pub jobs_per_client_minute: u64,
}

impl ApprovalLimits {
    /// Reads the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let cooldown = settings.number("RESEND_LIMIT_COOLDOWN_SECONDS", "seconds", 0..=3_600)?;
        let per_hour = settings.number("RESEND_LIMIT_PER_APPROVAL_HOUR", "messages", 0..=1_000)?;
        let messages = settings.number("RESEND_LIMIT_PER_CLIENT_MINUTE", "messages", 0..=100_000)?;
        let jobs = if messages == 0 { 0 } else { (messages * 2).max(LEAST_JOBS_PER_CLIENT_MINUTE) };
        Ok(Self { cooldown: Duration::from_secs(cooldown), per_hour, jobs_per_client_minute: jobs })
    }
}

/// `RESEND_LIMIT_PER_*` but for the approval's, and `RESEND_LIMIT_TOTAL_MINUTE`; zero switches a limit off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageLimits {
    /// `RESEND_LIMIT_PER_PHONE_HOUR` (default 5).
    pub per_phone_hour: u64,
    /// `RESEND_LIMIT_PER_PHONE_DAY` (default 10).
    pub per_phone_day: u64,
    /// `RESEND_LIMIT_PER_PATIENT_DAY` (default 10).
    pub per_patient_day: u64,
    /// `RESEND_LIMIT_PER_CLIENT_MINUTE` (default 600).
    pub per_client_minute: u64,
    /// `RESEND_LIMIT_TOTAL_MINUTE` (default 0): the whole fleet's.
    pub total_minute: u64,
}

impl MessageLimits {
    /// Reads the settings. The bounds keep what is remembered of a subject to some megabytes.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let number = |name, most| settings.number(name, "messages", 0..=most);
        Ok(Self {
            per_phone_hour: number("RESEND_LIMIT_PER_PHONE_HOUR", 1_000)?,
            per_phone_day: number("RESEND_LIMIT_PER_PHONE_DAY", 10_000)?,
            per_patient_day: number("RESEND_LIMIT_PER_PATIENT_DAY", 10_000)?,
            per_client_minute: number("RESEND_LIMIT_PER_CLIENT_MINUTE", 100_000)?,
            total_minute: number("RESEND_LIMIT_TOTAL_MINUTE", 100_000)?,
        })
    }
}
