//! Settings that are valid on their own and wrong together.

use super::table::{ALL, variables};
use super::{ConfigError, ConfigErrors, Settings};

/// Secrets that must not be shared between purposes.
const SINGLE_PURPOSE: [&str; 2] = ["RESEND_OTP_KEY", "RESEND_BOARD_TOKEN"];

impl Settings {
    /// The configuration, unless names are unknown or settings contradict each other; reports all errors together.
    pub fn checked<C>(&self, config: Result<C, ConfigErrors>) -> Result<C, ConfigErrors> {
        let mut errors = ConfigErrors::default();
        let _ = self.check_names().map_err(|found| errors.add(found));
        let config = config.map_err(|found| errors.add(found)).ok();
        let _ = self.check_together().map_err(|found| errors.add(found));
        config.filter(|_| errors.iter().next().is_none()).ok_or(errors)
    }

    /// Checks the settings against each other, whichever program reads them.
    fn check_together(&self) -> Result<(), ConfigErrors> {
        let mut errors = ConfigErrors::default();
        let _ = self.check_deadline().map_err(|error| errors.add(error));
        for name in SINGLE_PURPOSE {
            let _ = self.check_purpose(name).map_err(|error| errors.add(error));
        }
        errors.into_result()
    }

    fn check_deadline(&self) -> Result<(), ConfigError> {
        let (deadline, life) =
            (self.number("RESEND_JOB_DEADLINE_SECONDS")?, self.number("RESEND_OTP_TTL_SECONDS")?);
        if deadline <= life {
            return Ok(());
        }
        Err(ConfigError::Conflict(format!(
            "RESEND_JOB_DEADLINE_SECONDS ({deadline} s) must not be longer than RESEND_OTP_TTL_SECONDS ({life} s): a \
             repeated message would bring a code that has expired"
        )))
    }

    /// Anyone who learned a shared secret would have both powers, and neither secret could be changed alone.
    fn check_purpose(&self, name: &'static str) -> Result<(), ConfigError> {
        let Some(secret) = self.text(name) else { return Ok(()) };
        let others = variables(ALL).filter(|other| other.is_secret && other.name != name);
        let parts: Vec<_> = secret.split(',').map(str::trim).collect();
        let is_same = |other: &str| other.split(',').any(|part| parts.contains(&part.trim()));
        let same = others.into_iter().find(|other| self.text(other.name).is_some_and(is_same));
        same.map_or(Ok(()), |other| {
            let other = other.name;
            Err(ConfigError::Conflict(format!(
                "{name} and {other} hold the same secret: use one for each purpose"
            )))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(pairs: &[(&str, &str)]) -> Result<(), ConfigErrors> {
        Settings::from_pairs(pairs.iter().copied())?.check_together()
    }

    #[test]
    fn a_deadline_past_the_codes_life_is_refused() {
        let error = checked(&[("RESEND_JOB_DEADLINE_SECONDS", "301")]).unwrap_err().to_string();
        assert!(error.starts_with("RESEND_JOB_DEADLINE_SECONDS (301 s) must not be longer"), "{error}");
        assert!(
            checked(&[("RESEND_JOB_DEADLINE_SECONDS", "301"), ("RESEND_OTP_TTL_SECONDS", "301")]).is_ok()
        );
    }

    #[test]
    fn one_secret_for_two_purposes_is_refused_without_being_shown() {
        let error = checked(&[("RESEND_OTP_KEY", "hunter2, older"), ("RESEND_REGISTRY_TOKEN", "hunter2")])
            .unwrap_err()
            .to_string();
        assert!(error.contains("RESEND_OTP_KEY and RESEND_REGISTRY_TOKEN") && !error.contains("hunter2"));
        let one_purpose = [("RESEND_SMS_TOKEN", "hunter2"), ("RESEND_SMS_HTTP_TOKEN", "hunter2")];
        assert!(checked(&one_purpose).is_ok());
    }
}
