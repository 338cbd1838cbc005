//! What is wrong with the settings; every program exits 2 on it.

use std::fmt;

/// One wrong setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A setting that must be there is not.
    #[error("{variable} is not set: expected {expected}")]
    Missing {
        /// The variable.
        variable: &'static str,
        /// What a right value looks like.
        expected: String,
    },
    /// A value that is none of the right ones.
    #[error("invalid {variable}{shown}: expected {expected}")]
    Invalid {
        /// The variable.
        variable: &'static str,
        /// The value in quotes, or nothing where it is a secret.
        shown: String,
        /// What a right value looks like.
        expected: String,
    },
    /// A name nobody reads, most often a misspelling.
    #[error("{name} is not a setting of this service{hint}")]
    Unknown {
        /// The name as found.
        name: String,
        /// The nearest known one, in words.
        hint: String,
    },
    /// Settings that contradict each other.
    #[error("{0}")]
    Conflict(String),
    /// The settings file.
    #[error("RESEND_CONFIG: {0}")]
    File(String),
}

/// Everything that is wrong with the settings; at least one error, and none twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// The errors.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }

    /// Adds errors; one that is there already is not repeated: several parts may read the same setting.
    pub fn add(&mut self, others: impl Into<Self>) {
        for error in others.into().0 {
            if !self.0.contains(&error) {
                self.0.push(error);
            }
        }
    }

    /// `Ok` where there is no error.
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
    /// A line for each error.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Makes a struct whose fields may each be wrong, and keeps the errors of all of them, so that every wrong setting is named
/// at once.
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
