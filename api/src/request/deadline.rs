//! How long a request may be worked on. Waits for its body or for a job stop the clock and free the permit.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use shared::domain::ids::ClientId;
use shared::runtime::http::Connection;
use tokio::time::{Instant, sleep_until};

use super::concurrency::{ClientPermit, ConcurrencyLimit};

/// The deadline of a request; clones share it.
#[derive(Clone)]
pub(crate) struct RequestDeadline(Arc<Inner>);

struct Inner {
    in_flight: ConcurrencyLimit,
    until: Mutex<Instant>,
    client: OnceLock<ClientId>,
    connection: Connection,
}

impl RequestDeadline {
    /// A deadline this long from now.
    pub(crate) fn new(in_flight: &ConcurrencyLimit, limit: Duration, connection: Connection) -> Self {
        let until = Mutex::new(Instant::now() + limit);
        let client = OnceLock::new();
        Self(Arc::new(Inner { in_flight: in_flight.clone(), until, client, connection }))
    }

    /// Counts the request against its client, now that the client is known. `None`: the client has too many.
    pub(crate) fn acquire_share(&self, client: &ClientId) -> Option<ClientPermit> {
        let permit = self.0.in_flight.acquire_share(client)?;
        self.0.client.get_or_init(|| client.clone());
        Some(permit)
    }

    /// The request's client, once known.
    pub(crate) fn client(&self) -> Option<&ClientId> {
        self.0.client.get()
    }

    /// Waits for something, at most this long. Meanwhile the request does not count as being worked on.
    pub(crate) async fn wait<T>(&self, limit: Duration, something: impl Future<Output = T>) -> T {
        *self.until() += limit;
        let _paused = self.0.in_flight.pause(self.0.client.get());
        something.await
    }

    /// Completes when the time is up.
    pub(crate) async fn over(&self) {
        loop {
            let until = *self.until();
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }

    /// The request's connection.
    pub(crate) fn connection(&self) -> &Connection {
        &self.0.connection
    }

    fn until(&self) -> MutexGuard<'_, Instant> {
        self.0.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::{advance, timeout};

    use super::*;

    fn deadline(in_flight: &ConcurrencyLimit) -> RequestDeadline {
        RequestDeadline::new(in_flight, Duration::from_secs(10), Connection::for_tests())
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_neither_counted_nor_timed_as_work() {
        let in_flight = ConcurrencyLimit::new("test", 1);
        let _permit = in_flight.acquire().unwrap();
        let deadline = deadline(&in_flight);
        deadline
            .wait(Duration::from_secs(30), async {
                assert!(in_flight.acquire().is_some());
                advance(Duration::from_secs(30)).await;
            })
            .await;
        assert!(in_flight.acquire().is_none());
        assert!(timeout(Duration::from_secs(9), deadline.over()).await.is_err());
        assert!(timeout(Duration::from_secs(2), deadline.over()).await.is_ok());
    }

    #[tokio::test]
    async fn a_wait_that_is_given_up_leaves_the_count_right() {
        let in_flight = ConcurrencyLimit::new("test", 1);
        let permit = in_flight.acquire().unwrap();
        let deadline = deadline(&in_flight);
        drop(timeout(Duration::ZERO, deadline.wait(Duration::from_secs(30), pending::<()>())).await);
        assert!(in_flight.acquire().is_none());
        drop(permit);
        assert!(in_flight.acquire().is_some());
    }
}
