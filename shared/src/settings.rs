//! Settings: environment variables `RESEND_*`, under them a TOML file named by `RESEND_CONFIG`. A wrong one is named
//! with what it wants; its value is repeated only where it is no secret.

mod known;
mod limits;
mod log;
mod otp;
mod queue;
mod redis;
mod source;
mod trace;

pub use known::{KNOWN, Variable};
pub use limits::{ApprovalLimits, MessageLimits};
pub use log::{LogConfig, LogFormat};
pub use otp::{OtpConfig, OtpMode};
pub use queue::QueueConfig;
pub use redis::{RedisConfig, RedisMode, SentinelConfig};
pub use source::Settings;
pub use trace::TraceConfig;

/// What is wrong with the settings; every program exits 2 on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A setting that must be there is not.
    #[error("{variable} is not set: it wants {wants}")]
    Missing {
        /// The variable.
        variable: &'static str,
        /// What a right value looks like.
        wants: String,
    },
    /// A value that is none of the right ones.
    #[error("{variable}{shown} is not right: it wants {wants}")]
    Wrong {
        /// The variable.
        variable: &'static str,
        /// The value in quotes, or nothing where it is a secret.
        shown: String,
        /// What a right value looks like.
        wants: String,
    },
    /// A name nobody reads, most often a misspelling.
    #[error("{name} is not a setting of this service{hint}")]
    Unknown {
        /// The name as found.
        name: String,
        /// The nearest known one, in words.
        hint: String,
    },
    /// Two settings that contradict each other.
    #[error("{0}")]
    Conflict(String),
    /// The settings file.
    #[error("RESEND_CONFIG: {0}")]
    File(String),
}
