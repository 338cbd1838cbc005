//! What a server accepts, and for how long. The figures are those of the reliability notes, "Defaults and why".

use std::time::Duration;

/// Limits of an HTTP server.
#[derive(Debug, Clone)]
pub struct HttpLimits {
    /// Longest a request's head may take, from its first byte (on a new connection: from the accept).
    pub head: Duration,
    /// Longest a connection may stay open between two requests.
    pub keep_alive: Duration,
    /// Longest a connection lives, ± 10 %; then its client must connect again, perhaps to another replica.
    pub lifetime: Duration,
    /// Longest a request may take, and a stop waits for it.
    pub request: Duration,
    /// Connections open at once; one more is answered 503.
    pub connections: usize,
    /// The same from one untrusted address, so that it cannot shut out others.
    pub connections_per_address: usize,
    /// How long new connections are still accepted after a stop.
    pub stop_delay: Duration,
    /// Within this time after a stop, everything has ended.
    pub stop: Duration,
}

impl HttpLimits {
    /// Limits of a port for operators: few connections, so that descriptors are left for clients.
    pub fn for_operators() -> Self {
        Self { connections: 256, connections_per_address: 128, stop_delay: Duration::ZERO, ..Self::default() }
    }
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(5),
            keep_alive: Duration::from_secs(90),
            lifetime: Duration::from_hours(1),
            request: Duration::from_secs(10),
            connections: 16_384,
            connections_per_address: 8_192,
            stop_delay: Duration::from_secs(1),
            stop: Duration::from_secs(25),
        }
    }
}
