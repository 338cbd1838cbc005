//! When a PATCH waits for its job: the "Server decision" of the specification.

use std::time::Duration;

use shared::settings::{ConfigErrors, Settings};

/// `RESEND_SYNC_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncConfig {
    /// `RESEND_SYNC_POLICY` (default `prefer`).
    pub policy: SyncPolicy,
    /// `RESEND_SYNC_MAX_WAIT_MS` (default 2000): the longest wait.
    pub max_wait: Duration,
}

/// What makes a PATCH wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncPolicy {
    /// The client's `Prefer: wait=N`.
    Prefer,
    /// The client's `Prefer`, or a prediction that the job will have ended in time.
    Auto,
    /// Always wait, for clients that never poll: a job that fails in time is answered with its error, everything else
    /// with 202.
    Refusals,
    /// Nothing: the answer is always 202.
    Never,
}

impl SyncConfig {
    /// Reads the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigErrors> {
        let policy = settings.choice("RESEND_SYNC_POLICY").map(|word| match word {
            "auto" => SyncPolicy::Auto,
            "refusals" => SyncPolicy::Refusals,
            "never" => SyncPolicy::Never,
            _ => SyncPolicy::Prefer,
        });
        let max_wait = settings.number("RESEND_SYNC_MAX_WAIT_MS").map(Duration::from_millis);
        shared::read_settings!(Self { policy: policy, max_wait: max_wait })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<SyncConfig, ConfigErrors> {
        SyncConfig::from_settings(&Settings::from_pairs(pairs.iter().copied())?)
    }

    #[test]
    fn the_defaults_are_the_contracts() {
        let config = read(&[]).unwrap();
        assert_eq!((config.policy, config.max_wait.as_millis()), (SyncPolicy::Prefer, 2_000));
    }

    #[test]
    fn a_policy_or_a_wait_that_is_none_is_refused() {
        for pair in [
            ("RESEND_SYNC_POLICY", "always"),
            ("RESEND_SYNC_MAX_WAIT_MS", "0"),
            ("RESEND_SYNC_MAX_WAIT_MS", "30001"),
        ] {
            assert!(read(&[pair]).is_err(), "{pair:?}");
        }
    }
}
