//! Runs or calls in progress: how many there are, and how long the longest has taken.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Everything in progress.
#[derive(Debug, Default)]
pub struct InFlight {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    began: HashMap<u64, Instant>,
}

/// One of them; dropping it ends it, even if it was cut off.
pub struct InFlightGuard<'a> {
    all: &'a InFlight,
    number: u64,
}

impl InFlight {
    /// Begins one.
    pub fn begin(&self) -> InFlightGuard<'_> {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.began.insert(number, Instant::now());
        InFlightGuard { all: self, number }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.state().began.len()
    }

    /// How long the longest has taken so far; `None` if there is none.
    pub fn longest(&self) -> Option<Duration> {
        self.state().began.values().map(Instant::elapsed).max()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        self.all.state().began.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_is_the_one_that_began_first() {
        let all = InFlight::default();
        assert_eq!((all.count(), all.longest()), (0, None));
        let first = all.begin();
        let between = Instant::now();
        let second = all.begin();
        let at_least = between.elapsed();
        assert!(all.count() == 2 && all.longest().unwrap() >= at_least);
        drop(first);
        let longest = all.longest().unwrap();
        assert!(all.count() == 1 && longest <= between.elapsed());
        drop(second);
        assert_eq!((all.count(), all.longest()), (0, None));
    }
}
