//! The worker's settings, one struct per concern.

mod board;
mod channel;
mod limits;
mod rate;
mod registry;
mod sending;
mod smpp;
mod sms;

use std::net::SocketAddr;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use shared::settings::{
    ConfigError, ConfigErrors, FleetSettings, LogConfig, MessageLimits, QueueConfig, RedisConfig, Settings,
    TraceConfig,
};

pub use channel::{ChannelConfig, HttpChannelConfig};
pub use limits::{Countries, LimitsConfig};
pub use registry::RegistryConfig;
pub use sending::{OtpServiceConfig, SendingConfig, phone_secrets};
pub use smpp::SmppConfig;
pub use sms::SmsConfig;

/// All settings of the worker.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// `RESEND_REDIS_*`.
    pub redis: RedisConfig,
    /// The settings that a fleet must share, to be announced and compared.
    pub fleet: FleetSettings,
    /// `RESEND_QUEUE_*`, `RESEND_JOB_*`, `RESEND_LEASE_SECONDS`, `RESEND_MAX_DELIVERIES`.
    pub queue: QueueConfig,
    /// `RESEND_LOG*`.
    pub log: LogConfig,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub traces: TraceConfig,
    /// `RESEND_WORKER_LISTEN` (default `127.0.0.1:9090`): health and metrics.
    pub listen: SocketAddr,
    /// `RESEND_WORKER_CONCURRENCY` (default 64): jobs in flight.
    pub concurrency: usize,
    /// `RESEND_REGISTRY_*`.
    pub registry: RegistryConfig,
    /// `RESEND_OTP_*`, `RESEND_SMS_*`.
    pub sending: SendingConfig,
    /// `RESEND_LIMIT_COUNTRIES`.
    pub limits: LimitsConfig,
    /// `RESEND_LIMIT_PER_*`, `RESEND_LIMIT_TOTAL_MINUTE`.
    pub message_limits: MessageLimits,
    /// The secrets for the names of phones whose messages are counted: `RESEND_OTP_KEY`, or `RESEND_REGISTRY_TOKEN` if
    /// there is none.
    pub phone_secrets: Vec<SecretSlice<u8>>,
    /// `RESEND_BOARD_TOKEN`: required to see the board; `None`: no board.
    pub board_token: Option<SecretString>,
}

impl WorkerConfig {
    /// Reads the settings and checks them against each other.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigErrors> {
        settings.checked(shared::read_settings!(Self {
            redis: RedisConfig::from_settings(settings),
            fleet: Ok::<_, ConfigErrors>(FleetSettings::of(settings)),
            queue: QueueConfig::from_settings(settings),
            log: LogConfig::from_settings(settings),
            traces: TraceConfig::from_settings(settings),
            listen: settings.parse("RESEND_WORKER_LISTEN"),
            concurrency: concurrency(settings),
            registry: RegistryConfig::from_settings(settings),
            sending: SendingConfig::from_settings(settings),
            limits: LimitsConfig::from_settings(settings),
            message_limits: MessageLimits::from_settings(settings),
            phone_secrets: sending::phone_secrets(settings),
            board_token: board::token(settings),
        }))
    }
}

fn concurrency(settings: &Settings) -> Result<usize, ConfigError> {
    Ok(usize::try_from(settings.number("RESEND_WORKER_CONCURRENCY")?).unwrap_or(usize::MAX))
}

/// A bearer token in the form of its header; it does not print.
fn bearer(settings: &Settings, name: &'static str) -> Result<Option<HeaderValue>, ConfigError> {
    let Some(token) = settings.secret(name) else { return Ok(None) };
    if !token.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(settings.invalid(name));
    }
    let header = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()));
    let mut header = header.map_err(|_| settings.invalid(name))?;
    header.set_sensitive(true);
    Ok(Some(header))
}

#[cfg(test)]
mod tests;
