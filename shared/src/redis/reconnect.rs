//! The shared link, the time of the next attempt to connect, and the master that the process follows.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::redis::ConnectionAddr;

use super::connect::Connected;
use super::{Connection, RedisError};
use crate::runtime::backoff::Backoff;

/// Waits between attempts to connect; they grow from the first to the second.
pub(super) const RECONNECT_BACKOFF: Backoff =
    Backoff::between(Duration::from_millis(50), Duration::from_secs(1));

/// A connection and its number.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) generation: u64,
    pub(super) epoch: u64,
    pub(super) since: Instant,
    pub(super) connection: Connection,
}

/// What all handles of a process know about Redis.
#[derive(Default)]
pub(super) struct SharedState {
    /// Whether it was logged that Redis is away.
    is_away: AtomicBool,
    /// The master that the newest connection leads to; known only with sentinels.
    master: Mutex<Option<ConnectionAddr>>,
    /// Counts changes of the master.
    epoch: AtomicU64,
}

impl SharedState {
    /// Links of another epoch lead to a master that is no longer followed: a request must not read from one master what
    /// it wrote to another.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Records the master that a new connection leads to, and returns the epoch.
    pub(super) fn note_master(&self, server: Option<ConnectionAddr>) -> u64 {
        let mut master = self.master.lock().unwrap_or_else(PoisonError::into_inner);
        let is_other = master.is_some() && *master != server;
        *master = server;
        self.epoch.fetch_add(u64::from(is_other), Ordering::AcqRel) + u64::from(is_other)
    }
}

/// How the attempts to connect have gone.
pub(super) struct ReconnectState {
    shared: Arc<SharedState>,
    generation: u64,
    failed: u32,
    not_before: Option<Instant>,
    last_error: Option<Arc<::redis::RedisError>>,
}

impl ReconnectState {
    pub(super) fn new(shared: Arc<SharedState>) -> Self {
        Self { shared, generation: 0, failed: 0, not_before: None, last_error: None }
    }

    pub(super) fn check_backoff(&self) -> Result<(), RedisError> {
        match (&self.last_error, self.not_before) {
            (Some(error), Some(not_before)) if Instant::now() < not_before => {
                Err(RedisError::Unreachable(error.clone()))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn note_failure(&mut self, error: &RedisError) {
        // Logged when the state changes, not for every attempt: an outage must not flood the log.
        if self.failed == 0 && !self.shared.is_away.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "Redis is unreachable, reconnecting");
        }
        self.not_before = Some(Instant::now() + RECONNECT_BACKOFF.wait(self.failed));
        self.failed += 1;
        self.last_error = Some(error.source_error());
    }

    pub(super) fn note_success(&mut self, connected: Connected) -> Link {
        if self.failed > 0 && self.shared.is_away.swap(false, Ordering::Relaxed) {
            tracing::info!(attempts = self.failed + 1, "Redis is reachable again");
        }
        let epoch = self.shared.note_master(connected.server);
        self.generation += 1;
        (self.failed, self.not_before, self.last_error) = (0, None, None);
        Link { generation: self.generation, epoch, since: Instant::now(), connection: connected.connection }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_is_led_to_another_master_ends_the_epoch_of_the_links_before_it() {
        let shared = SharedState::default();
        let server = |host: &str| Some(ConnectionAddr::Tcp(host.to_owned(), 6_379));
        let epochs = ["a", "a", "b", "b", "a"].map(|host| shared.note_master(server(host)));
        assert_eq!(epochs, [0, 0, 1, 1, 2]);
        assert_eq!(shared.epoch(), 2);
    }

    #[test]
    fn without_sentinels_all_links_are_of_one_epoch() {
        let shared = SharedState::default();
        assert_eq!([shared.note_master(None), shared.note_master(None)], [0, 0]);
    }
}
