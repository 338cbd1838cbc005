//! Redis' clock as a worker follows it: leases run on it, and one that is set forward makes all of them lapse at once.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::clock::millis;

/// What was read last, and when.
pub(super) struct RedisClock {
    read: Mutex<Option<(u64, Instant)>>,
    tolerance: Duration,
}

impl RedisClock {
    /// Tolerates what leaves a lease that is renewed every third of it alive: a quarter of it, at least a second.
    pub(super) fn new(lease: Duration) -> Self {
        Self { read: Mutex::default(), tolerance: (lease / 4).max(Duration::from_secs(1)) }
    }

    /// Notes what Redis' clock shows; answers whether it was set forward since it was read last.
    pub(super) fn note(&self, now_ms: u64) -> bool {
        let was_set = now_ms > self.latest_ms();
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some((now_ms, Instant::now()));
        was_set
    }

    /// The latest it can show now unless it was set forward, milliseconds since the epoch; no bound before it was read.
    pub(super) fn latest_ms(&self) -> u64 {
        let read = *self.read.lock().unwrap_or_else(PoisonError::into_inner);
        // As much as a script's number holds exactly.
        read.map_or(1 << 53, |(read_ms, at)| read_ms + millis(at.elapsed() + self.tolerance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_forward_is_noticed_once_and_one_back_is_none() {
        let clock = RedisClock::new(Duration::from_secs(30));
        assert!(!clock.note(1_000_000), "nothing was read before");
        assert!(!clock.note(1_007_000), "within a quarter of a lease");
        assert!(clock.note(1_067_000));
        assert!(!clock.note(1_067_001));
        assert!(!clock.note(900_000));
    }
}
