//! How many requests are in one phase at once: worked on, receiving their body, or waiting for a job. One client gets
//! at most a quarter of each, so that it does not shut out the others.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{Counter, Gauge, counter, gauge};
use shared::domain::ids::ClientId;
use shared::telemetry::metric;

/// The fraction of all permits that one client may have.
const SHARE: usize = 4;

/// Limits the requests in one phase; clones share the count.
#[derive(Clone)]
pub(crate) struct ConcurrencyLimit(Arc<Limit>);

struct Limit {
    most: usize,
    now: AtomicUsize,
    in_flight: Gauge,
    refused: Counter,
    by_client: Mutex<HashMap<ClientId, usize>>,
}

/// A counted request; dropping it frees its permit, including when the client disconnects.
pub(crate) struct RequestPermit(ConcurrencyLimit);

/// Its permit among those of its client.
pub(crate) struct ClientPermit {
    limit: ConcurrencyLimit,
    client: ClientId,
}

/// While this lives, the request is not counted but keeps its permits.
pub(crate) struct PausedPermit<'a> {
    limit: &'a ConcurrencyLimit,
    client: Option<&'a ClientId>,
}

impl ConcurrencyLimit {
    /// A limit for the phase with this name.
    pub(crate) fn new(phase: &'static str, most: usize) -> Self {
        let refused = counter!(metric::HTTP_REFUSED, "phase" => phase);
        let in_flight = gauge!(metric::HTTP_IN_FLIGHT, "phase" => phase);
        in_flight.set(0.0);
        let bound = gauge!(metric::HTTP_BOUND, "server" => "api", "phase" => phase);
        bound.set(u32::try_from(most).unwrap_or(u32::MAX));
        let (now, by_client) = (AtomicUsize::default(), Mutex::default());
        Self(Arc::new(Limit { most, now, in_flight, refused, by_client }))
    }

    /// A permit, if one is free.
    pub(crate) fn acquire(&self) -> Option<RequestPermit> {
        let before = self.enter();
        let permit = RequestPermit(self.clone());
        if before >= self.0.most {
            self.0.refused.increment(1);
            return None;
        }
        Some(permit)
    }

    /// A permit among those of this client, if its share is not used up.
    pub(crate) fn acquire_share(&self, client: &ClientId) -> Option<ClientPermit> {
        let mut by_client = self.by_client();
        let now = by_client.entry(client.clone()).or_default();
        if *now >= (self.0.most / SHARE).max(1) {
            self.0.refused.increment(1);
            return None;
        }
        *now += 1;
        Some(ClientPermit { limit: self.clone(), client: client.clone() })
    }

    /// Takes both permits.
    pub(crate) fn acquire_for(&self, client: &ClientId) -> Option<(RequestPermit, ClientPermit)> {
        Some((self.acquire()?, self.acquire_share(client)?))
    }

    /// Stops counting a request for a while.
    pub(crate) fn pause<'a>(&'a self, client: Option<&'a ClientId>) -> PausedPermit<'a> {
        self.exit();
        if let Some(client) = client {
            self.leave(client);
        }
        PausedPermit { limit: self, client }
    }

    fn enter(&self) -> usize {
        self.0.in_flight.increment(1.0);
        self.0.now.fetch_add(1, Ordering::Relaxed)
    }

    fn exit(&self) {
        self.0.in_flight.decrement(1.0);
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }

    fn leave(&self, client: &ClientId) {
        let mut by_client = self.by_client();
        match by_client.get_mut(client) {
            Some(now) if *now > 1 => *now -= 1,
            _ => drop(by_client.remove(client)),
        }
    }

    fn by_client(&self) -> MutexGuard<'_, HashMap<ClientId, usize>> {
        self.0.by_client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RequestPermit {
    fn drop(&mut self) {
        self.0.exit();
    }
}

impl Drop for ClientPermit {
    fn drop(&mut self) {
        self.limit.leave(&self.client);
    }
}

impl Drop for PausedPermit<'_> {
    fn drop(&mut self) {
        // Resumes even if the limit is reached by now, because the request was admitted before.
        self.limit.enter();
        if let Some(client) = self.client {
            *self.limit.by_client().entry(client.clone()).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(name: &str) -> ClientId {
        name.parse().unwrap()
    }

    fn counts(limit: &ConcurrencyLimit) -> (usize, usize) {
        (limit.0.now.load(Ordering::Relaxed), limit.by_client().values().sum())
    }

    #[test]
    fn one_too_many_is_turned_away_and_a_freed_permit_is_free_again() {
        let limit = ConcurrencyLimit::new("test", 2);
        let permits = (limit.acquire().unwrap(), limit.acquire().unwrap());
        assert!(limit.acquire().is_none());
        assert_eq!(counts(&limit), (2, 0));
        drop(permits.0);
        assert!(limit.acquire().is_some());
    }

    #[test]
    fn a_client_has_a_quarter_of_the_permits() {
        let (limit, greedy, other) = (ConcurrencyLimit::new("test", 8), client("mis-a"), client("mis-b"));
        let held = (limit.acquire_for(&greedy).unwrap(), limit.acquire_for(&greedy).unwrap());
        assert!(limit.acquire_for(&greedy).is_none());
        let others = limit.acquire_for(&other).unwrap();
        drop((held, others));
        assert_eq!(counts(&limit), (0, 0));
        assert!(limit.by_client().is_empty());
    }

    #[test]
    fn a_paused_request_counts_neither_in_all_nor_for_its_client() {
        let (limit, client) = (ConcurrencyLimit::new("test", 4), client("mis-a"));
        let held = limit.acquire_for(&client).unwrap();
        let paused = limit.pause(Some(&client));
        assert_eq!(counts(&limit), (0, 0));
        drop(paused);
        assert_eq!(counts(&limit), (1, 1));
        drop(held);
        assert_eq!(counts(&limit), (0, 0));
    }
}
