//! The API's settings, one struct per concern. Names and defaults are those of the contract, section 6.

mod auth;
mod http;
mod job_href;
mod server;
mod sync;
mod trusted_proxies;

pub(crate) use auth::percent_encoded;
pub use auth::{AuthConfig, AuthMode, CacheTtl, IntrospectionConfig, JwtConfig, MithrilUrl};
pub use http::{HttpConfig, PublicUrl};
pub use job_href::JobHref;
pub use server::ServerLimits;
pub use sync::{SyncConfig, SyncPolicy};
pub use trusted_proxies::TrustedProxies;

use shared::settings::{
    ApprovalLimits, ConfigError, ConfigErrors, FleetSettings, LogConfig, OtpConfig, OtpMode, QueueConfig,
    RedisConfig, Settings, TraceConfig,
};

/// All settings of the API.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens, and the form of its links.
    pub http: HttpConfig,
    /// How tokens are checked.
    pub auth: AuthConfig,
    /// Limits on requests for one approval and of one client.
    pub limits: ApprovalLimits,
    /// Codes made here. `None` if the platform's OTP service makes them, or if `RESEND_OTP_KEY` is not set, in which
    /// case this API checks no codes.
    pub otp: Option<OtpConfig>,
    /// When a PATCH waits for its job.
    pub sync: SyncConfig,
    /// The settings that a fleet must share, to be compared.
    pub fleet: FleetSettings,
    /// Names and times of the queue.
    pub queue: QueueConfig,
    /// Where Redis is.
    pub redis: RedisConfig,
    /// What is logged.
    pub log: LogConfig,
    /// Where traces go.
    pub traces: TraceConfig,
    /// Limits of one process and one connection; tests shorten the times.
    pub server: ServerLimits,
}

impl Config {
    /// Reads and checks the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigErrors> {
        let config = shared::read_settings!(Self {
            http: HttpConfig::from_settings(settings),
            auth: AuthConfig::from_settings(settings),
            limits: ApprovalLimits::from_settings(settings),
            otp: otp(settings),
            sync: SyncConfig::from_settings(settings),
            fleet: Ok::<_, ConfigErrors>(FleetSettings::of(settings)),
            queue: QueueConfig::from_settings(settings),
            redis: RedisConfig::from_settings(settings),
            log: LogConfig::from_settings(settings),
            traces: TraceConfig::from_settings(settings),
            server: ServerLimits::from_settings(settings),
        });
        let config = settings.checked(config)?;
        check_gateway(&config.http, &config.auth)?;
        Ok(config)
    }
}

/// Without this check, anybody who reaches an API in the mode `gateway` could name themselves in a header.
fn check_gateway(http: &HttpConfig, auth: &AuthConfig) -> Result<(), ConfigError> {
    let is_open = !http.listen.ip().is_loopback() && http.trusted_proxies.is_empty();
    if matches!(auth.mode, AuthMode::Gateway) && is_open {
        return Err(ConfigError::Conflict(format!(
            "RESEND_AUTH_MODE=gateway needs RESEND_API_TRUSTED_PROXIES, or a loopback address in RESEND_API_LISTEN \
             (now {}): anybody else could send its headers",
            http.listen
        )));
    }
    Ok(())
}

fn otp(settings: &Settings) -> Result<Option<OtpConfig>, ConfigErrors> {
    let is_local = OtpMode::from_settings(settings)? == OtpMode::Local;
    let has_key = settings.text("RESEND_OTP_KEY").is_some();
    (is_local && has_key).then(|| OtpConfig::from_settings(settings)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(listen: &str, proxies: &str) -> Result<Config, ConfigErrors> {
        let pairs = [
            ("RESEND_AUTH_MODE", "gateway"),
            ("RESEND_API_LISTEN", listen),
            ("RESEND_API_TRUSTED_PROXIES", proxies),
        ];
        Config::from_settings(&Settings::from_pairs(pairs)?)
    }

    #[test]
    fn gateway_headers_are_believed_from_proxies_or_on_loopback_only() {
        assert!(read("127.0.0.1:8080", "").is_ok() && read("[::1]:8080", "").is_ok());
        assert!(read("0.0.0.0:8080", "10.0.0.0/8").is_ok());
        let error = read("0.0.0.0:8080", "").unwrap_err().to_string();
        assert!(error.contains("RESEND_API_TRUSTED_PROXIES"), "{error}");
    }
}
