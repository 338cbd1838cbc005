//! Limits: those per approval, and on the jobs of a client, are checked when a request is accepted, because they do not
//! need the registry; those on messages are checked before one is sent.

use std::time::Duration;

use super::{ConfigErrors, Settings};

/// How many jobs of a client are accepted in a minute at least, however few messages it may send.
const LEAST_JOBS_PER_CLIENT_MINUTE: u64 = 1_000;

/// Limits checked when a request is accepted; zero switches one off.
#[derive(Debug, Clone)]
pub struct ApprovalLimits {
    /// `RESEND_LIMIT_COOLDOWN_SECONDS` (default 60): between two messages for one approval.
    pub cooldown: Duration,
    /// `RESEND_LIMIT_PER_APPROVAL_HOUR` (default 4): messages for one approval.
    pub per_hour: u64,
    /// Jobs of one client: twice `RESEND_LIMIT_PER_CLIENT_MINUTE`, because not every job sends, and at least 1,000.
    /// Jobs beyond it could send nothing, and would only delay those of other clients.
    pub jobs_per_client_minute: u64,
}

impl ApprovalLimits {
    /// Reads the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigErrors> {
        let jobs =
            |messages: u64| if messages == 0 { 0 } else { (messages * 2).max(LEAST_JOBS_PER_CLIENT_MINUTE) };
        crate::read_settings!(Self {
            cooldown: settings.number("RESEND_LIMIT_COOLDOWN_SECONDS").map(Duration::from_secs),
            per_hour: settings.number("RESEND_LIMIT_PER_APPROVAL_HOUR"),
            jobs_per_client_minute: settings.number("RESEND_LIMIT_PER_CLIENT_MINUTE").map(jobs),
        })
    }
}

/// `RESEND_LIMIT_PER_*` except the approval's, and `RESEND_LIMIT_TOTAL_MINUTE`; zero switches one off.
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
    /// `RESEND_LIMIT_TOTAL_MINUTE` (default 0): of the whole fleet.
    pub total_minute: u64,
}

impl MessageLimits {
    /// Reads the settings. Their bounds keep the stored data of a limit's key to a few megabytes.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigErrors> {
        crate::read_settings!(Self {
            per_phone_hour: settings.number("RESEND_LIMIT_PER_PHONE_HOUR"),
            per_phone_day: settings.number("RESEND_LIMIT_PER_PHONE_DAY"),
            per_patient_day: settings.number("RESEND_LIMIT_PER_PATIENT_DAY"),
            per_client_minute: settings.number("RESEND_LIMIT_PER_CLIENT_MINUTE"),
            total_minute: settings.number("RESEND_LIMIT_TOTAL_MINUTE"),
        })
    }
}
