//! The queue's names and times.

use std::time::Duration;

use super::{ConfigError, Settings};

/// `RESEND_QUEUE_*`, `RESEND_JOB_*`, `RESEND_LEASE_SECONDS`, `RESEND_MAX_DELIVERIES`, `RESEND_STRICT`.
#[derive(Debug, Clone)]
pub struct QueueConfig {
    /// `RESEND_QUEUE_NAME` (default `resend`): hash tag of every key.
    pub name: String,
    /// `RESEND_JOB_DEADLINE_SECONDS` (default 300): no SMS starts later than this after the PATCH.
    pub deadline: Duration,
    /// `RESEND_JOB_RETENTION_SECONDS` (default 86400): how long an ended job can be read.
    pub retention: Duration,
    /// `RESEND_LEASE_SECONDS` (default 30): a job silent for so long is taken over.
    pub lease: Duration,
    /// `RESEND_MAX_DELIVERIES` (default 3): after so many deliveries without an end a job is quarantined.
    pub max_deliveries: u64,
    /// `RESEND_STRICT` (default false): refuse to accept jobs while Redis would lose or evict them.
    pub strict: bool,
}

impl QueueConfig {
    /// Reads the settings and checks them against each other.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let seconds = |name, bounds| settings.number(name, "seconds", bounds).map(Duration::from_secs);
        let config = Self {
            name: name(settings)?,
            deadline: seconds("RESEND_JOB_DEADLINE_SECONDS", 1..=86_400)?,
            retention: seconds("RESEND_JOB_RETENTION_SECONDS", 1..=2_592_000)?,
            lease: seconds("RESEND_LEASE_SECONDS", 2..=3_600)?,
            max_deliveries: settings.number("RESEND_MAX_DELIVERIES", "deliveries", 1..=100)?,
            strict: settings.parse("RESEND_STRICT", "true or false")?,
        };
        let code_life =
            Duration::from_secs(settings.number("RESEND_OTP_TTL_SECONDS", "seconds", 30..=3_600)?);
        if config.deadline > code_life {
            return Err(ConfigError::Conflict(format!(
                "RESEND_JOB_DEADLINE_SECONDS ({} s) must not be longer than RESEND_OTP_TTL_SECONDS ({} s): a repeated \
                 message would bring a code that is dead already",
                config.deadline.as_secs(),
                code_life.as_secs()
            )));
        }
        Ok(config)
    }
}

pub(super) fn name(settings: &Settings) -> Result<String, ConfigError> {
    let wants = "1 to 32 characters of a-z, A-Z, 0-9, _, - and .";
    let name = settings.required("RESEND_QUEUE_NAME", wants)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if name.len() <= 32 && name.bytes().all(allowed) {
        Ok(name.to_owned())
    } else {
        Err(settings.wrong("RESEND_QUEUE_NAME", wants))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<QueueConfig, ConfigError> {
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
    fn a_deadline_past_the_codes_life_is_refused() {
        let error = read(&[("RESEND_JOB_DEADLINE_SECONDS", "301")]).unwrap_err();
        assert!(
            error.to_string().starts_with("RESEND_JOB_DEADLINE_SECONDS (301 s) must not be longer"),
            "{error}"
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
