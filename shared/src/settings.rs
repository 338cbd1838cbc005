//! Settings: environment variables `RESEND_*`, which override a TOML file named by `RESEND_CONFIG`. Each wrong setting
//! is reported with what was expected, and with its value only if that is not secret.

mod cross_checks;
mod error;
mod fleet;
mod injected;
mod limits;
mod log;
mod otp;
mod queue;
mod redact;
mod redis;
mod source;
pub mod table;
mod trace;
mod warnings;

pub use error::{ConfigError, ConfigErrors};
pub use fleet::{FleetSettings, SettingDifference};
pub use limits::{ApprovalLimits, MessageLimits};
pub use log::{LogConfig, LogFormat};
pub use otp::{FAILED_CHECKS_PER_PHONE_HOUR, OtpConfig, OtpMode};
pub use queue::QueueConfig;
pub use redis::{RedisConfig, RedisMode, SentinelConfig};
pub use source::Settings;
pub use trace::TraceConfig;
