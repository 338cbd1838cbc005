//! What the channels of a worker can take at present. Whoever knows the channels sets it, and the worker announces it every
//! second, so that predictions count with it.

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
    /// Sets the most messages a second that all channels of the fleet together can be handed; `None`: there is no bound.
    pub fn set_rate(&self, per_second: Option<f64>) {
        self.change(|capacity| capacity.per_second = per_second.filter(|rate| *rate > 0.0));
    }

    /// Sets whether no channel can be handed any message: every breaker is open.
    pub fn set_closed(&self, is_closed: bool) {
        self.change(|capacity| capacity.is_closed = is_closed);
    }

    /// The most messages a second; `None`: there is no bound.
    pub fn rate(&self) -> Option<f64> {
        self.get().per_second
    }

    /// Whether no channel can be handed any message.
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
