//! The issuer's keys (RFC 7517, 5): fetched when first needed, and again when they are old or a token names an unknown
//! one, but not as often as a client likes.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use reqwest::{StatusCode, Url, header};
use serde::Deserialize;
use shared::telemetry::upstream_health::HealthSnapshot;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use super::header::Header;
use super::key::Key;
use crate::auth::Origin;
use crate::auth::cache::ProviderUnavailable;
use crate::auth::client::{CallError, ProviderClient};

/// Keys are fetched again after this time, so that a withdrawn key is not trusted much longer.
const FRESH: Duration = Duration::from_mins(5);

/// How long keys are trusted while the issuer does not answer.
const USABLE: Duration = Duration::from_hours(1);

/// Shortest time between two fetches, after a success and after a failure.
const COOL_DOWN: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(1));

/// Most keys used from one set.
const MAX_KEYS: usize = 64;

/// The URL of the keys, and the known keys.
pub(super) struct KeySet {
    issuer: Arc<Issuer>,
    /// Held while keys are fetched, so that only one fetch is in progress.
    last: Arc<Mutex<Option<Attempt>>>,
}

struct Issuer {
    client: ProviderClient,
    url: Url,
    known: RwLock<Known>,
}

#[derive(Clone, Default)]
struct Known {
    keys: Arc<[Arc<Key>]>,
    fetched: Option<Instant>,
}

struct Attempt {
    at: Instant,
    result: Result<(), ProviderUnavailable>,
}

#[derive(Deserialize)]
struct Published {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// Sets it up; nothing is fetched yet.
    pub(super) fn new(url: Url) -> Result<Self, reqwest::Error> {
        let client = ProviderClient::new("jwks", "RESEND_AUTH_URL")?;
        let issuer = Issuer { client, url, known: RwLock::default() };
        Ok(Self { issuer: Arc::new(issuer), last: Arc::default() })
    }

    /// The keys that may verify a token with this header; none if the issuer publishes no such key.
    pub(super) async fn fitting(
        &self,
        header: &Header,
        origin: Origin<'_>,
    ) -> Result<Vec<Arc<Key>>, ProviderUnavailable> {
        let known = self.known();
        let keys = known.fitting(header);
        if !keys.is_empty() && known.is_younger_than(FRESH) {
            return Ok(keys);
        }
        // The rare paths are boxed, so that the future of the usual one stays small.
        if !keys.is_empty() && known.is_younger_than(USABLE) {
            // While one request fetches, the others use the known keys.
            if let Ok(last) = self.last.clone().try_lock_owned() {
                let _ = Box::pin(self.fetch(last, origin)).await;
            }
        } else {
            Box::pin(self.fetch(self.last.clone().lock_owned().await, origin)).await?;
        }
        Ok(self.known().fitting(header))
    }

    /// The health of the key set URL.
    pub(super) fn health(&self) -> HealthSnapshot {
        self.issuer.client.health()
    }

    async fn fetch(
        &self,
        mut last: OwnedMutexGuard<Option<Attempt>>,
        origin: Origin<'_>,
    ) -> Result<(), ProviderUnavailable> {
        if let Some(last) = last.as_ref().filter(|last| last.is_recent()) {
            return last.result;
        }
        let issuer = self.issuer.clone();
        let (request_id, trace, address) = (origin.request_id.clone(), origin.trace.cloned(), origin.address);
        // A separate task, so that an attempt is recorded even if the client that caused it disconnects; otherwise such
        // clients could make us call the issuer as often as they like.
        let fetch = tokio::spawn(async move {
            let result = issuer
                .fetch(Origin {
                    request_id: &request_id,
                    trace: trace.as_ref(),
                    address,
                    is_from_proxy: false,
                })
                .await;
            *last = Some(Attempt { at: Instant::now(), result });
            result
        });
        fetch.await.unwrap_or(Err(ProviderUnavailable::Failed))
    }

    fn known(&self) -> Known {
        self.issuer.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Issuer {
    async fn fetch(&self, origin: Origin<'_>) -> Result<(), ProviderUnavailable> {
        let question = self.client.http().get(self.url.clone()).header(header::ACCEPT, "application/json");
        let known =
            Known { keys: self.client.ask(question, origin, read).await?, fetched: Some(Instant::now()) };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }
}

impl Known {
    fn fitting(&self, header: &Header) -> Vec<Arc<Key>> {
        self.keys.iter().filter(|key| key.fits(header)).cloned().collect()
    }

    fn is_younger_than(&self, age: Duration) -> bool {
        self.fetched.is_some_and(|fetched| fetched.elapsed() < age)
    }
}

impl Attempt {
    fn is_recent(&self) -> bool {
        let cool_down = if self.result.is_ok() { COOL_DOWN.0 } else { COOL_DOWN.1 };
        self.at.elapsed() < cool_down
    }
}

/// Skips keys that we cannot use: issuers publish them for others. A set without any usable key counts as a failure.
fn read(status: StatusCode, body: &[u8]) -> Result<Arc<[Arc<Key>]>, CallError> {
    if status != StatusCode::OK {
        return Err(CallError::Status(status));
    }
    let Published { keys } = serde_json::from_slice(body).map_err(|_| CallError::Unreadable)?;
    let keys: Arc<[_]> = keys.into_iter().take(MAX_KEYS).filter_map(Key::read).map(Arc::new).collect();
    if keys.is_empty() { Err(CallError::Unreadable) } else { Ok(keys) }
}

#[cfg(test)]
mod tests;
