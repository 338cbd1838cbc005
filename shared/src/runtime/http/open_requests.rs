//! The number of open requests of a server, and the moment when there are none.

use std::sync::Arc;

use tokio::sync::watch;

/// Counts open requests; clones share the count.
#[derive(Clone, Debug)]
pub struct OpenRequests(Arc<watch::Sender<usize>>);

impl Default for OpenRequests {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl OpenRequests {
    /// How many there are.
    pub fn count(&self) -> usize {
        *self.0.borrow()
    }

    /// Completes when there are none.
    pub async fn none(&self) {
        // `self` keeps the sender alive.
        drop(self.0.subscribe().wait_for(|open| *open == 0).await);
    }

    pub(super) fn begin(&self) {
        self.0.send_modify(|open| *open += 1);
    }

    pub(super) fn end(&self) {
        self.0.send_modify(|open| *open -= 1);
    }
}
