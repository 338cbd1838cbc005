//! Why a verb was not done, and the exit status that says so. The statuses are part of the interface.

use std::process::ExitCode;

use shared::queue::QueueError;
use shared::settings::ConfigErrors;

/// A problem was found, or something asked for was not done.
pub(super) const PROBLEM: u8 = 1;
const SETTINGS: u8 = 2;
const NOT_FOUND: u8 = 3;
const REDIS: u8 = 4;

/// Why a verb was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum CtlError {
    /// No verb.
    #[error("say what to do; --help lists the verbs")]
    Usage,
    /// Wrong settings.
    #[error(transparent)]
    Settings(#[from] ConfigErrors),
    /// Redis did not do it.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// It was not done, for this reason.
    #[error("{0}")]
    Refused(String),
    /// The terminal or the pipe.
    #[error("output: {0}")]
    Output(#[from] std::io::Error),
}

impl CtlError {
    /// Says what went wrong and answers the exit status.
    pub(super) fn report(&self) -> ExitCode {
        // Who pipes into `head` has read enough.
        if matches!(self, Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe) {
            return ExitCode::SUCCESS;
        }
        eprintln!("resendctl: {self}");
        if matches!(self, Self::Queue(QueueError::Redis(_))) {
            eprintln!(
                "resendctl: is RESEND_REDIS_URL right? `resendctl --check-config` shows what is in force"
            );
        }
        ExitCode::from(self.status())
    }

    fn status(&self) -> u8 {
        match self {
            Self::Usage | Self::Settings(_) => SETTINGS,
            Self::Queue(_) => REDIS,
            Self::NotFound(_) => NOT_FOUND,
            Self::Refused(_) | Self::Output(_) => PROBLEM,
        }
    }
}

/// How a verb over several things ends: the worst of what became of each.
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
