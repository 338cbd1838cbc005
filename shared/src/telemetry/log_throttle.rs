//! Limits warnings that many jobs would log at once when Redis or an upstream service fails: one line per second and
//! process, with the number of suppressed ones. It does not choose among them: the first is as good as any.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Least time between two lines; a little over a second, so that no second of the log ever has two.
const BETWEEN: Duration = Duration::from_millis(1_050);

/// When one warning was last logged, kept in a `static` next to it.
#[derive(Debug, Default)]
pub struct LogThrottle(Mutex<ThrottleState>);

#[derive(Debug)]
struct ThrottleState {
    last: Option<Instant>,
    suppressed: u64,
}

impl Default for ThrottleState {
    fn default() -> Self {
        Self::new()
    }
}

impl ThrottleState {
    const fn new() -> Self {
        Self { last: None, suppressed: 0 }
    }

    fn take(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < BETWEEN) {
            self.suppressed += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.suppressed))
    }
}

impl LogThrottle {
    /// A throttle that has logged nothing yet.
    pub const fn new() -> Self {
        Self(Mutex::new(ThrottleState::new()))
    }

    /// How many lines were suppressed since the last, if the next may be logged; `None` if this one is suppressed.
    pub fn allow(&self) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_line_within_the_second_is_held_back_and_told_of_by_the_next() {
        let (mut turns, start) = (ThrottleState::new(), Instant::now());
        let after = |ms| start + Duration::from_millis(ms);
        assert_eq!(turns.take(start), Some(0));
        assert_eq!((turns.take(after(1)), turns.take(after(1_000))), (None, None));
        assert_eq!(turns.take(after(1_050)), Some(2));
        assert_eq!((turns.take(after(2_000)), turns.take(after(2_100))), (None, Some(1)));
    }
}
