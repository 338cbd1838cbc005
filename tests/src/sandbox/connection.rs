//! The connection of a request.

use tokio_util::sync::CancellationToken;

/// A handler's reference to the connection of its request.
#[derive(Clone)]
pub(crate) struct Connection(CancellationToken);

impl Connection {
    /// The connection that is closed once this token is cancelled.
    pub(crate) fn new(end: CancellationToken) -> Self {
        Self(end)
    }

    /// Closes the connection, whatever is under way on it.
    pub(crate) fn cut(&self) {
        self.0.cancel();
    }
}
