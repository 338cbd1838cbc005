//! How much a worker's channels can send at present. The code that knows the channels sets it, and the worker announces
//! it every second, for predictions.

use std::sync::{Arc, Mutex, PoisonError};

/// Shared by a worker's channels and its announcements; clones are the same.
#[derive(Clone, Default)]
pub struct SendCapacity(Arc<Mutex<Capacity>>);

#[derive(Clone, Copy, Default, PartialEq)]
pub(super) struct Capacity {
    pub(super) per_second: Option<f64>,
    pub(super) is_closed: bool,
}

impl SendCapacity {
    /// Sets the most messages a second that all channels of the fleet together take; `None`: no bound.
    pub fn set_rate(&self, per_second: Option<f64>) {
        self.change(|capacity| capacity.per_second = per_second.filter(|rate| *rate > 0.0));
    }

    /// Sets whether no channel takes any message, because every breaker is open.
    pub fn set_closed(&self, is_closed: bool) {
        self.change(|capacity| capacity.is_closed = is_closed);
    }

    /// The most messages a second; `None`: no bound.
    pub fn rate(&self) -> Option<f64> {
        self.get().per_second
    }

    /// Whether no channel takes any message.
    pub fn is_closed(&self) -> bool {
        self.get().is_closed
    }

    pub(super) fn get(&self) -> Capacity {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Capacity)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
