//! The API's settings, one struct per concern. Names and defaults are those of the contract, section 6.

mod auth;
mod http;
mod job_href;
mod server;
mod sync;

pub use auth::{AuthConfig, AuthMode, IntrospectionConfig, JwtConfig, MithrilUrl, Trust};
pub use http::{HttpConfig, PublicUrl};
pub use job_href::JobHref;
pub use server::ServerLimits;
pub use sync::{SyncConfig, SyncPolicy};

use shared::settings::{
    ApprovalLimits, ConfigError, LogConfig, OtpConfig, OtpMode, QueueConfig, ReceiptConfig, RedisConfig,
    Settings, TraceConfig,
};

/// Everything the API is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens, and what its links look like.
    pub http: HttpConfig,
    /// Who may call.
    pub auth: AuthConfig,
    /// How often a message for one approval may be asked for.
    pub limits: ApprovalLimits,
    /// Codes made here. `None` where the platform's OTP service makes them, and where `RESEND_OTP_KEY` is not set: this
    /// API then checks none.
    pub otp: Option<OtpConfig>,
    /// Who may say what became of a message; `None`: nobody.
    pub receipts: Option<ReceiptConfig>,
    /// When a request waits for its job.
    pub sync: SyncConfig,
    /// Names and times of the queue.
    pub queue: QueueConfig,
    /// Where Redis is.
    pub redis: RedisConfig,
    /// What is logged.
    pub log: LogConfig,
    /// Where traces go.
    pub traces: TraceConfig,
    /// What one process and one connection may take. No settings; tests shorten the times.
    pub server: ServerLimits,
}

impl Config {
    /// Reads and checks the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        Ok(Self {
            http: HttpConfig::from_settings(settings)?,
            auth: AuthConfig::from_settings(settings)?,
            limits: ApprovalLimits::from_settings(settings)?,
            otp: otp(settings)?,
            receipts: ReceiptConfig::from_settings(settings)?,
            sync: SyncConfig::from_settings(settings)?,
            queue: QueueConfig::from_settings(settings)?,
            redis: RedisConfig::from_settings(settings)?,
            log: LogConfig::from_settings(settings)?,
            traces: TraceConfig::from_settings(settings)?,
            server: ServerLimits::default(),
        })
    }
}

fn otp(settings: &Settings) -> Result<Option<OtpConfig>, ConfigError> {
    let is_local = OtpMode::from_settings(settings)? == OtpMode::Local;
    let has_key = settings.text("RESEND_OTP_KEY").is_some();
    (is_local && has_key).then(|| OtpConfig::from_settings(settings)).transpose()
}
