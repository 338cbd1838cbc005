//! The line of those who wait for a call, and how many calls are under way.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most of one call: a script that works on them holds up everybody else's commands for a millisecond or so.
const AT_ONCE: usize = 64;

/// Calls under way at once, so that Redis has work while an answer is on its way.
const UNDER_WAY: usize = 2;

/// A line; first come, first served.
pub(super) struct Line<T>(Mutex<State<T>>);

struct State<T> {
    callers: usize,
    waiting: VecDeque<T>,
}

impl<T> Line<T> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { callers: 0, waiting: VecDeque::new() }))
    }

    /// Joins the line; whether a caller is to be started, who counts from now on.
    pub(super) fn join(&self, asked: T) -> bool {
        let mut state = self.state();
        state.waiting.push_back(asked);
        let has_room = state.callers < UNDER_WAY;
        state.callers += usize::from(has_room);
        has_room
    }

    /// What a caller calls for next. None: nobody waits, and the caller does not count any more.
    pub(super) fn next(&self) -> Option<Vec<T>> {
        let mut state = self.state();
        if state.waiting.is_empty() {
            state.callers -= 1;
            return None;
        }
        let at_once = state.waiting.len().min(AT_ONCE);
        Some(state.waiting.drain(..at_once).collect())
    }

    /// A caller does not count any more, whatever it still does; whether another one, who counts, is to be started in its
    /// place.
    pub(super) fn leave(&self) -> bool {
        let mut state = self.state();
        let goes_on = !state.waiting.is_empty();
        state.callers -= usize::from(!goes_on);
        goes_on
    }

    /// A caller was cut off. Those who wait are let go: nobody might come to start another caller.
    pub(super) fn break_off(&self) {
        let mut state = self.state();
        state.callers -= 1;
        state.waiting.clear();
    }

    /// Whether a caller is not the only one.
    pub(super) fn is_busy(&self) -> bool {
        self.state().callers > 1
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_call_and_the_others_wait_for_them() {
        let line = Line::new();
        let started: Vec<_> = (0..4).map(|asked| line.join(asked)).collect();
        assert_eq!(started, [true, true, false, false]);
        assert!(line.is_busy());
        assert_eq!(line.next(), Some(vec![0, 1, 2, 3]));
        assert_eq!((line.next(), line.is_busy(), line.next()), (None, false, None));
        assert!(line.join(4), "nobody counts any more");
    }

    #[test]
    fn a_call_is_bounded_and_in_order() {
        let line = Line::new();
        (0..100).for_each(|asked| _ = line.join(asked));
        assert_eq!(line.next(), Some((0..64).collect()));
        assert_eq!(line.next(), Some((64..100).collect()));
    }

    #[test]
    fn who_takes_long_leaves_and_somebody_takes_the_place_if_anybody_waits() {
        let line = Line::new();
        assert!(line.join(0));
        assert_eq!(line.next(), Some(vec![0]));
        assert!(!line.leave(), "nobody waits");
        assert!(line.join(1) && line.join(2) && !line.join(3), "two count again");
        assert!(line.leave(), "three wait");
        assert!(!line.join(4), "still two count");
    }

    #[test]
    fn a_caller_that_is_cut_off_leaves_nobody_waiting() {
        let line = Line::new();
        (0..3).for_each(|asked| _ = line.join(asked));
        line.break_off();
        assert!(line.join(3), "one of the two counts");
        assert_eq!(line.next(), Some(vec![3]));
    }
}
