//! The calls that wait for the next batch, and how many batches are under way.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most items of a batch: a script that works on them holds up everybody else's commands for a millisecond or so.
const MAX_BATCH: usize = 64;

/// Batches under way at once, so that Redis has work while an answer is on its way.
const MAX_CONCURRENT_BATCHES: usize = 2;

/// A first-in, first-out queue.
pub(super) struct BatchQueue<T>(Mutex<State<T>>);

struct State<T> {
    flush_tasks: usize,
    waiting: VecDeque<T>,
}

impl<T> BatchQueue<T> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { flush_tasks: 0, waiting: VecDeque::new() }))
    }

    /// Adds a call. True: the caller must start a flush task, which is counted already.
    pub(super) fn push(&self, call: T) -> bool {
        let mut state = self.state();
        state.waiting.push_back(call);
        let has_room = state.flush_tasks < MAX_CONCURRENT_BATCHES;
        state.flush_tasks += usize::from(has_room);
        has_room
    }

    /// The next batch. None: no call waits, and the flush task that asked is no longer counted.
    pub(super) fn next(&self) -> Option<Vec<T>> {
        let mut state = self.state();
        if state.waiting.is_empty() {
            state.flush_tasks -= 1;
            return None;
        }
        let size = state.waiting.len().min(MAX_BATCH);
        Some(state.waiting.drain(..size).collect())
    }

    /// A slow flush task is no longer counted. True: calls wait, so another one, which is counted already, must be
    /// started in its place.
    pub(super) fn detach(&self) -> bool {
        let mut state = self.state();
        let must_replace = !state.waiting.is_empty();
        state.flush_tasks -= usize::from(!must_replace);
        must_replace
    }

    /// A flush task was cancelled or panicked. The waiting calls fail, since no later call may come to start another task.
    pub(super) fn abort(&self) {
        let mut state = self.state();
        state.flush_tasks -= 1;
        state.waiting.clear();
    }

    /// Whether more than one flush task is counted.
    pub(super) fn is_busy(&self) -> bool {
        self.state().flush_tasks > 1
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_calls_start_tasks_and_the_others_wait_for_them() {
        let queue = BatchQueue::new();
        let started: Vec<_> = (0..4).map(|call| queue.push(call)).collect();
        assert_eq!(started, [true, true, false, false]);
        assert!(queue.is_busy());
        assert_eq!(queue.next(), Some(vec![0, 1, 2, 3]));
        assert_eq!((queue.next(), queue.is_busy(), queue.next()), (None, false, None));
        assert!(queue.push(4), "no task is counted any more");
    }

    #[test]
    fn a_batch_is_bounded_and_in_order() {
        let queue = BatchQueue::new();
        (0..100).for_each(|call| _ = queue.push(call));
        assert_eq!(queue.next(), Some((0..64).collect()));
        assert_eq!(queue.next(), Some((64..100).collect()));
    }

    #[test]
    fn a_slow_task_is_replaced_where_calls_wait() {
        let queue = BatchQueue::new();
        assert!(queue.push(0));
        assert_eq!(queue.next(), Some(vec![0]));
        assert!(!queue.detach(), "no call waits");
        assert!(queue.push(1) && queue.push(2) && !queue.push(3), "two are counted again");
        assert!(queue.detach(), "three calls wait");
        assert!(!queue.push(4), "two are still counted");
    }

    #[test]
    fn a_cancelled_task_leaves_no_call_waiting() {
        let queue = BatchQueue::new();
        (0..3).for_each(|call| _ = queue.push(call));
        queue.abort();
        assert!(queue.push(3), "one of the two is counted");
        assert_eq!(queue.next(), Some(vec![3]));
    }
}
