//! Why a verb failed, and its exit status. The statuses are part of the interface.

use std::process::ExitCode;

use shared::queue::QueueError;
use shared::redis::RedisError;
use shared::settings::{ConfigErrors, Settings};

/// A problem was found, or a request could not be carried out.
pub(super) const PROBLEM: u8 = 1;
const SETTINGS: u8 = 2;
const NOT_FOUND: u8 = 3;
const REDIS: u8 = 4;

/// Why a verb failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CtlError {
    /// No verb was given.
    #[error("no command was given; --help lists them")]
    Usage,
    /// Wrong settings.
    #[error(transparent)]
    Settings(#[from] ConfigErrors),
    /// Redis failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Redis could not be reached at this address.
    #[error("{error} (RESEND_REDIS_URL={addresses})")]
    Redis {
        /// Without user and password.
        addresses: String,
        /// The cause.
        error: RedisError,
    },
    /// It does not exist.
    #[error("{0}")]
    NotFound(String),
    /// It was refused for this reason.
    #[error("{0}")]
    Refused(String),
    /// Terminal or pipe failed.
    #[error("output: {0}")]
    Output(#[from] std::io::Error),
}

impl CtlError {
    /// Adds the address of Redis.
    pub(super) fn at(self, settings: &Settings) -> Self {
        match self {
            Self::Queue(QueueError::Redis(error)) => {
                Self::Redis { addresses: settings.shown("RESEND_REDIS_URL"), error }
            }
            other => other,
        }
    }

    /// Prints the error and returns the exit status.
    pub(super) fn report(&self) -> ExitCode {
        // `head` closes the pipe once it has read enough.
        if matches!(self, Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe) {
            return ExitCode::SUCCESS;
        }
        eprintln!("resendctl: {self}");
        if matches!(self, Self::Redis { error: RedisError::Unreachable(_) | RedisError::Silent(_), .. }) {
            eprintln!(
                "resendctl: is RESEND_REDIS_URL right? `resendctl --check-config` shows what is in force"
            );
        }
        ExitCode::from(self.status())
    }

    fn status(&self) -> u8 {
        match self {
            Self::Usage | Self::Settings(_) => SETTINGS,
            Self::Queue(_) | Self::Redis { .. } => REDIS,
            Self::NotFound(_) => NOT_FOUND,
            Self::Refused(_) | Self::Output(_) => PROBLEM,
        }
    }
}

/// The exit status of a verb over several things: that of the worst result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WorstResult {
    Done,
    Refused,
    NotFound,
}

impl From<WorstResult> for ExitCode {
    fn from(worst: WorstResult) -> Self {
        match worst {
            WorstResult::Done => Self::SUCCESS,
            WorstResult::Refused => Self::from(PROBLEM),
            WorstResult::NotFound => Self::from(NOT_FOUND),
        }
    }
}
