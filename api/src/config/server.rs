//! Limits of a connection and a process. The figures are those of the reliability notes, "Defaults and why".

use std::time::Duration;

use shared::runtime::http::HttpLimits;
use shared::settings::{ConfigError, Settings};

/// Limits of the API's server.
#[derive(Debug, Clone)]
pub struct ServerLimits {
    /// Of connections.
    pub http: HttpLimits,
    /// Longest time to receive a request's body; after that 400.
    pub body: Duration,
    /// Requests worked on at once, at most a quarter of them of one client; any more are answered 503 at once.
    pub in_flight: usize,
    /// The same for requests whose body is being received.
    pub bodies: usize,
    /// The same for clients that wait for a job; any more are answered as if they had not asked to wait.
    pub waits: usize,
}

impl ServerLimits {
    /// Reads `RESEND_API_KEEP_ALIVE_SECONDS` (default 90) and `RESEND_API_STOP_DELAY_SECONDS` (default 1); the other
    /// limits have no settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let seconds = |name| settings.number(name).map(Duration::from_secs);
        let http = HttpLimits {
            keep_alive: seconds("RESEND_API_KEEP_ALIVE_SECONDS")?,
            stop_delay: seconds("RESEND_API_STOP_DELAY_SECONDS")?,
            ..HttpLimits::default()
        };
        Ok(Self { http, body: Duration::from_secs(5), in_flight: 4_096, bodies: 4_096, waits: 10_000 })
    }
}
