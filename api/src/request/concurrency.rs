//! How many requests are in one phase at once: worked on, sending their body, or waiting for a job. One client has at
//! most a quarter of each, so that it does not shut out the others.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::domain::ids::ClientId;

/// Part of all permits that one client may have.
const SHARE: usize = 4;

/// Bounds the requests in one phase; clones share the count.
#[derive(Clone)]
pub(crate) struct ConcurrencyLimit(Arc<Limit>);

struct Limit {
    most: usize,
    now: AtomicUsize,
    by_client: Mutex<HashMap<ClientId, usize>>,
}

/// A request that is counted; dropping it, also when the client goes away, frees it.
pub(crate) struct RequestPermit(ConcurrencyLimit);

/// The same among its client's.
pub(crate) struct ClientPermit {
    limit: ConcurrencyLimit,
    client: ClientId,
}

/// A request that is not counted while this lives, although its permits do.
pub(crate) struct PausedPermit<'a> {
    limit: &'a ConcurrencyLimit,
    client: Option<&'a ClientId>,
}

impl ConcurrencyLimit {
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Limit { most, now: AtomicUsize::default(), by_client: Mutex::default() }))
    }

    /// A permit, if one is free.
    pub(crate) fn acquire(&self) -> Option<RequestPermit> {
        let before = self.0.now.fetch_add(1, Ordering::Relaxed);
        let permit = RequestPermit(self.clone());
        (before < self.0.most).then_some(permit)
    }

    /// A permit among those of this client, if its share is not used up.
    pub(crate) fn acquire_share(&self, client: &ClientId) -> Option<ClientPermit> {
        let mut by_client = self.by_client();
        let now = by_client.entry(client.clone()).or_default();
        if *now >= (self.0.most / SHARE).max(1) {
            return None;
        }
        *now += 1;
        Some(ClientPermit { limit: self.clone(), client: client.clone() })
    }

    /// Both.
    pub(crate) fn acquire_for(&self, client: &ClientId) -> Option<(RequestPermit, ClientPermit)> {
        Some((self.acquire()?, self.acquire_share(client)?))
    }

    /// Takes a request out of the count for a while.
    pub(crate) fn pause<'a>(&'a self, client: Option<&'a ClientId>) -> PausedPermit<'a> {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
        if let Some(client) = client {
            self.leave(client);
        }
        PausedPermit { limit: self, client }
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
        self.0.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for ClientPermit {
    fn drop(&mut self) {
        self.limit.leave(&self.client);
    }
}

impl Drop for PausedPermit<'_> {
    fn drop(&mut self) {
        // It comes back even where the count is full by now: it was let in before.
        self.limit.0.now.fetch_add(1, Ordering::Relaxed);
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
        let limit = ConcurrencyLimit::new(2);
        let permits = (limit.acquire().unwrap(), limit.acquire().unwrap());
        assert!(limit.acquire().is_none());
        assert_eq!(counts(&limit), (2, 0));
        drop(permits.0);
        assert!(limit.acquire().is_some());
    }

    #[test]
    fn a_client_has_a_quarter_of_the_permits() {
        let (limit, greedy, other) = (ConcurrencyLimit::new(8), client("mis-a"), client("mis-b"));
        let held = (limit.acquire_for(&greedy).unwrap(), limit.acquire_for(&greedy).unwrap());
        assert!(limit.acquire_for(&greedy).is_none());
        let others = limit.acquire_for(&other).unwrap();
        drop((held, others));
        assert_eq!(counts(&limit), (0, 0));
        assert!(limit.by_client().is_empty());
    }

    #[test]
    fn a_paused_request_counts_neither_in_all_nor_for_its_client() {
        let (limit, client) = (ConcurrencyLimit::new(4), client("mis-a"));
        let held = limit.acquire_for(&client).unwrap();
        let paused = limit.pause(Some(&client));
        assert_eq!(counts(&limit), (0, 0));
        drop(paused);
        assert_eq!(counts(&limit), (1, 1));
        drop(held);
        assert_eq!(counts(&limit), (0, 0));
    }
}
