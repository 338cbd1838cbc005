//! A worker's view of Redis' clock: leases depend on it, and if it is set forward, all of them expire at once.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::clock::millis;

/// The last time read, and when it was read.
pub(super) struct RedisClock {
    read: Mutex<Option<(u64, Instant)>>,
    tolerance: Duration,
}

impl RedisClock {
    /// How far the clock may be ahead without killing a lease that is renewed every third of it: a quarter of the
    /// lease, at least a second.
    pub(super) fn new(lease: Duration) -> Self {
        Self { read: Mutex::default(), tolerance: (lease / 4).max(Duration::from_secs(1)) }
    }

    /// Records the time of Redis' clock; returns whether it was set forward since the last read.
    pub(super) fn note(&self, now_ms: u64) -> bool {
        let was_set = now_ms > self.latest_ms();
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some((now_ms, Instant::now()));
        was_set
    }

    /// The latest time it can show unless it was set forward, milliseconds since the epoch; unbounded before the first
    /// read.
    pub(super) fn latest_ms(&self) -> u64 {
        let read = *self.read.lock().unwrap_or_else(PoisonError::into_inner);
        // The largest whole number that is exact in a script.
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
