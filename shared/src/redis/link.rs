//! The link everybody shares: which one it is, and when the next attempt at one may be made.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Connection, RedisError};

/// Waits between attempts to connect grow from the first to the second.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// A connection and which one it is.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) generation: u64,
    pub(super) since: Instant,
    pub(super) connection: Connection,
}

/// Whether Redis is away, as far as the log has said: once for all links of a process.
#[derive(Clone, Default)]
pub(super) struct Outage(Arc<AtomicBool>);

/// What became of the attempts to connect.
pub(super) struct Attempts {
    outage: Outage,
    generation: u64,
    failed: u32,
    not_before: Option<Instant>,
    last: Option<Arc<::redis::RedisError>>,
}

impl Attempts {
    pub(super) fn new(outage: Outage) -> Self {
        Self { outage, generation: 0, failed: 0, not_before: None, last: None }
    }

    pub(super) fn check_backoff(&self) -> Result<(), RedisError> {
        match (&self.last, self.not_before) {
            (Some(last), Some(not_before)) if Instant::now() < not_before => {
                Err(RedisError::Unreachable(last.clone()))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn note_failure(&mut self, error: &RedisError) {
        // Logged when the state changes, not for every attempt: an outage must not flood the log.
        if self.failed == 0 && !self.outage.0.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "redis is away, trying again with backoff");
        }
        let longest = BACKOFF.0.saturating_mul(1 << self.failed.min(5)).min(BACKOFF.1);
        self.failed += 1;
        self.not_before = Some(Instant::now() + longest.mul_f64(rand::random_range(0.5..1.0)));
        self.last = Some(error.source_error());
    }

    pub(super) fn note_success(&mut self, connection: Connection) -> Link {
        if self.failed > 0 && self.outage.0.swap(false, Ordering::Relaxed) {
            tracing::info!(attempts = self.failed + 1, "redis is back");
        }
        self.generation += 1;
        (self.failed, self.not_before, self.last) = (0, None, None);
        Link { generation: self.generation, since: Instant::now(), connection }
    }
}
