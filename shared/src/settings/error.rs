//! Errors in the settings; every program exits 2 on them.

use std::fmt;

/// One wrong setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A required setting is missing.
    #[error("{variable} is not set: expected {expected}")]
    Missing {
        /// The variable.
        variable: &'static str,
        /// What a valid value looks like.
        expected: String,
    },
    /// An invalid value.
    #[error("invalid {variable}{shown}: expected {expected}")]
    Invalid {
        /// The variable.
        variable: &'static str,
        /// The value in quotes, or nothing if it is secret.
        shown: String,
        /// What a valid value looks like.
        expected: String,
    },
    /// A name that no program reads, usually a typo.
    #[error("{name} is not a setting of this service{hint}")]
    Unknown {
        /// The name as found.
        name: String,
        /// A hint with the nearest known name.
        hint: String,
    },
    /// Settings that contradict each other.
    #[error("{0}")]
    Conflict(String),
    /// The settings file.
    #[error("RESEND_CONFIG: {0}")]
    File(String),
}

/// Every error in the settings; at least one, and none twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// The errors.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }

    /// Adds errors, without duplicates: several parts may read the same setting.
    pub fn add(&mut self, others: impl Into<Self>) {
        for error in others.into().0 {
            if !self.0.contains(&error) {
                self.0.push(error);
            }
        }
    }

    /// `Ok` if there is no error.
    pub fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for ConfigErrors {
    /// One line per error.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Builds a struct from fields that may each be wrong, and collects all their errors, so that every wrong setting is
/// reported at once.
#[macro_export]
macro_rules! read_settings {
    ($type:ident { $($field:ident: $value:expr),+ $(,)? }) => {{
        let mut errors = $crate::settings::ConfigErrors::default();
        $(let $field = $value.map_err(|error| errors.add(error)).ok();)+
        match ($($field,)+) {
            ($(Some($field),)+) => Ok($type { $($field),+ }),
            _ => Err(errors),
        }
    }};
}
