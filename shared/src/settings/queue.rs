//! The queue's names and times.

use std::time::Duration;

use super::{ConfigError, ConfigErrors, Settings};

/// `RESEND_QUEUE_*`, `RESEND_JOB_*`, `RESEND_LEASE_SECONDS`, `RESEND_MAX_DELIVERIES`, `RESEND_STRICT`.
#[derive(Debug, Clone)]
pub struct QueueConfig {
    /// `RESEND_QUEUE_NAME` (default `resend`): hash tag of every key.
    pub name: String,
    /// `RESEND_JOB_DEADLINE_SECONDS` (default 300): no SMS starts later than this after the PATCH.
    pub deadline: Duration,
    /// `RESEND_JOB_RETENTION_SECONDS` (default 86400): how long an ended job can be read.
    pub retention: Duration,
    /// `RESEND_LEASE_SECONDS` (default 30): a job whose worker is silent for this long is taken over.
    pub lease: Duration,
    /// `RESEND_MAX_DELIVERIES` (default 3): after so many deliveries without an end a job is quarantined.
    pub max_deliveries: u64,
    /// `RESEND_STRICT` (default false): refuse to accept jobs while Redis would lose or evict them.
    pub strict: bool,
}

impl QueueConfig {
    /// Reads the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigErrors> {
        let seconds = |name| settings.number(name).map(Duration::from_secs);
        crate::read_settings!(Self {
            name: name(settings),
            deadline: seconds("RESEND_JOB_DEADLINE_SECONDS"),
            retention: seconds("RESEND_JOB_RETENTION_SECONDS"),
            lease: seconds("RESEND_LEASE_SECONDS"),
            max_deliveries: settings.number("RESEND_MAX_DELIVERIES"),
            strict: settings.choice("RESEND_STRICT").map(|word| word == "true"),
        })
    }
}

pub(super) fn name(settings: &Settings) -> Result<String, ConfigError> {
    const NAME: &str = "RESEND_QUEUE_NAME";
    let name = settings.required(NAME)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if name.len() <= 32 && name.bytes().all(allowed) {
        Ok(name.to_owned())
    } else {
        Err(settings.invalid(NAME))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<QueueConfig, ConfigErrors> {
        QueueConfig::from_settings(&Settings::from_pairs(pairs.iter().copied())?)
    }

    #[test]
    fn the_defaults_are_the_contracts() {
        let config = read(&[]).unwrap();
        assert_eq!((config.name.as_str(), config.max_deliveries), ("resend", 3));
        assert_eq!(
            (config.deadline.as_secs(), config.retention.as_secs(), config.lease.as_secs()),
            (300, 86_400, 30)
        );
    }

    #[test]
    fn a_lease_is_at_least_two_seconds() {
        assert!(read(&[("RESEND_LEASE_SECONDS", "1")]).is_err());
        assert!(read(&[("RESEND_LEASE_SECONDS", "2")]).is_ok());
    }

    #[test]
    fn a_name_that_would_break_the_hash_tag_is_refused() {
        for name in ["a{b", "a:b", "a b", &"a".repeat(33)] {
            assert!(read(&[("RESEND_QUEUE_NAME", name)]).is_err(), "{name}");
        }
    }
}
