//! The runs of the moment, to know how long the longest has taken.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Runs that have begun and not ended.
#[derive(Debug, Default)]
pub struct Runs {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    began: HashMap<u64, Instant>,
}

/// One run; it ends when this is dropped, also where it is cut off.
pub struct OpenRun<'a> {
    runs: &'a Runs,
    number: u64,
}

impl Runs {
    /// Begins a run.
    pub fn begin(&self) -> OpenRun<'_> {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.began.insert(number, Instant::now());
        OpenRun { runs: self, number }
    }

    /// How long the longest run has taken so far; `None` where nothing runs.
    pub fn longest(&self) -> Option<Duration> {
        self.state().began.values().map(Instant::elapsed).max()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenRun<'_> {
    fn drop(&mut self) {
        self.runs.state().began.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_run_is_the_one_that_began_first() {
        let runs = Runs::default();
        assert_eq!(runs.longest(), None);
        let first = runs.begin();
        let second = runs.begin();
        let with_first = runs.longest().unwrap();
        drop(first);
        assert!(runs.longest().unwrap() <= with_first);
        drop(second);
        assert_eq!(runs.longest(), None);
    }
}
