//! The traffic of a proxy, with times: calls are told apart without parsing them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Direction;

/// Everything that passed so far.
#[derive(Clone, Default)]
pub(super) struct Traffic(Arc<Mutex<Vec<Connection>>>);

#[derive(Default)]
struct Connection {
    passed: Vec<(Instant, Direction, usize)>,
    closed: Option<Instant>,
}

/// One request with what was answered to it.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// When its first byte came.
    pub began: Instant,
    /// When the last byte of the answer was sent, or the connection closed without one; `None` while the call is open.
    pub ended: Option<Instant>,
    /// Bytes of the answer that were read, head and body.
    pub answered: usize,
}

impl Call {
    /// How long it took; until now if it is still open.
    pub fn took(&self) -> Duration {
        self.ended.unwrap_or_else(Instant::now) - self.began
    }
}

impl Traffic {
    /// A number for a new connection.
    pub(super) fn open(&self) -> usize {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Connection::default());
        all.len() - 1
    }

    pub(super) fn passed(&self, connection: usize, direction: Direction, bytes: usize) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all[connection].passed.push((Instant::now(), direction, bytes));
    }

    pub(super) fn closed(&self, connection: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[connection].closed = Some(Instant::now());
    }

    /// Every call so far.
    pub(super) fn calls(&self) -> Vec<Call> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().flat_map(Connection::calls).collect()
    }
}

impl Connection {
    /// Callers here wait for one answer before their next request, so bytes sent after an answer are a new call.
    fn calls(&self) -> Vec<Call> {
        let mut calls: Vec<Call> = Vec::new();
        for &(at, direction, bytes) in &self.passed {
            match (direction, calls.last_mut()) {
                (Direction::Reply, Some(call)) => {
                    call.answered += bytes;
                    call.ended = Some(at);
                }
                (Direction::Request, Some(call)) if call.answered == 0 => {}
                (Direction::Request, _) => calls.push(Call { began: at, ended: None, answered: 0 }),
                (Direction::Reply, None) => {}
            }
        }
        if let Some(call) = calls.last_mut().filter(|call| call.answered == 0) {
            call.ended = self.closed;
        }
        calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_a_connection_are_told_apart() {
        let traffic = Traffic::default();
        let connection = traffic.open();
        for (direction, bytes) in [
            (Direction::Request, 10),
            (Direction::Request, 5),
            (Direction::Reply, 7),
            (Direction::Reply, 3),
            (Direction::Request, 10),
        ] {
            traffic.passed(connection, direction, bytes);
        }
        let answered =
            |traffic: &Traffic| traffic.calls().iter().map(|call| call.answered).collect::<Vec<_>>();
        assert_eq!(answered(&traffic), [10, 0]);
        assert!(traffic.calls()[1].ended.is_none());
        traffic.closed(connection);
        assert!(traffic.calls()[1].ended.is_some());
    }
}
