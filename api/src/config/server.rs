//! What a connection and a process may take. The figures are those of the reliability notes, "Defaults and why".

use std::time::Duration;

use shared::settings::{ConfigError, Settings};

/// Limits of the HTTP server.
#[derive(Debug, Clone)]
pub struct ServerLimits {
    /// Longest a request's head may take, from its first byte (for a new connection: from the accept).
    pub head: Duration,
    /// Longest a request's body may take; then 400.
    pub body: Duration,
    /// `RESEND_API_KEEP_ALIVE_SECONDS` (default 90): longest a connection may stay open between two requests.
    pub keep_alive: Duration,
    /// Longest a request may take, its body included; then 503.
    pub request: Duration,
    /// Connections open at once; one more is closed at once.
    pub connections: usize,
    /// The same from one address. Half of all, because behind a proxy every client has the proxy's address; what it
    /// keeps is that one address shuts out the others.
    pub connections_per_address: usize,
    /// Requests worked on at once; one more is answered 503 at once.
    pub in_flight: usize,
    /// Clients that wait for a job at once; one more is answered at once, as if it had not asked to wait.
    pub waits: usize,
    /// `RESEND_API_STOP_DELAY_SECONDS` (default 1): after a stop, new connections are still accepted for so long, so
    /// that a load balancer sees the readiness turn before a connection is refused.
    pub linger: Duration,
    /// After a stop, everything has ended within this.
    pub stop: Duration,
}

impl ServerLimits {
    /// Reads the settings; the other limits have none.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let seconds = |name, bounds| settings.number(name, "seconds", bounds).map(Duration::from_secs);
        Ok(Self {
            keep_alive: seconds("RESEND_API_KEEP_ALIVE_SECONDS", 5..=3_600)?,
            linger: seconds("RESEND_API_STOP_DELAY_SECONDS", 0..=20)?,
            ..Self::default()
        })
    }
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(5),
            body: Duration::from_secs(5),
            keep_alive: Duration::from_secs(90),
            request: Duration::from_secs(10),
            connections: 16_384,
            connections_per_address: 8_192,
            in_flight: 4_096,
            waits: 10_000,
            linger: Duration::from_secs(1),
            stop: Duration::from_secs(25),
        }
    }
}
