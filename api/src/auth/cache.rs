//! Cached answers of providers. Only a hash of tokens and API keys is kept; a token is looked up once at a time,
//! however many requests wait for the answer; failures are not cached.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use sha2::{Digest, Sha256};
use shared::domain::clock;

use super::AuthError;
use crate::auth::principal::{Access, Principal};
use crate::config::CacheTtl;

/// Tokens cached; with the longest client ids about 40 MB. The least recently used are evicted first.
const CAPACITY: u64 = 50_000;

/// A provider's answer: the bearer, or why the credentials are refused.
pub(crate) type CachedIdentity = Result<Arc<Principal>, CredentialError>;

/// Why credentials are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CredentialError {
    /// The token: malformed, unknown, expired, revoked, or not an access token.
    Token,
    /// The token requires an API key, and none was sent.
    ApiKeyMissing,
    /// The API key is unknown.
    ApiKeyInvalid,
}

/// The provider gave no usable answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProviderUnavailable {
    /// It was called and did not answer, or its answer violates the protocol.
    Failed,
    /// It was not called, because too many lookups are in progress.
    Busy,
}

/// SHA-256 of a token, and of the API key that came with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CredentialHash([u8; 32]);

impl CredentialHash {
    /// The hash of these credentials.
    pub(crate) fn of(token: &str, api_key: Option<&str>) -> Self {
        let mut hash = Sha256::new();
        hash.update(token);
        if let Some(key) = api_key {
            // No token contains this byte, so no other pair gives the same text.
            hash.update([0]);
            hash.update(key);
        }
        Self(hash.finalize().into())
    }
}

/// Identities by token. Each is stored twice, because writes trust it for a shorter time than reads.
pub(crate) struct TokenCache {
    for_writes: Cache<CredentialHash, CachedIdentity>,
    for_reads: Cache<CredentialHash, CachedIdentity>,
}

impl TokenCache {
    /// An empty cache.
    pub(crate) fn new(trust: &CacheTtl) -> Self {
        Self { for_writes: cache(trust.write), for_reads: cache(trust.read) }
    }

    /// The bearer of these credentials, unless they are refused or the token has expired.
    pub(crate) async fn principal<A: Future<Output = Result<CachedIdentity, ProviderUnavailable>>>(
        &self,
        credentials: CredentialHash,
        access: Access,
        ask: impl FnOnce() -> A,
    ) -> Result<Arc<Principal>, AuthError> {
        let principal = self.identity(credentials, access, ask).await??;
        let in_force = principal.expires_at.is_none_or(|end| end > now_seconds());
        in_force.then_some(principal).ok_or(AuthError::InvalidToken)
    }

    /// The cached identity for this access, or the result of `ask`. `ask` is a closure, not a future, so that a cache
    /// hit does not carry the state of a lookup.
    pub(crate) async fn identity<A: Future<Output = Result<CachedIdentity, ProviderUnavailable>>>(
        &self,
        token: CredentialHash,
        access: Access,
        ask: impl FnOnce() -> A,
    ) -> Result<CachedIdentity, ProviderUnavailable> {
        let trusted = match access {
            Access::Write => self.for_writes.get(&token).await,
            Access::Read => self.for_reads.get(&token).await,
        };
        if let Some(identity) = trusted {
            return Ok(identity);
        }
        // The rare path is boxed, so that the future of the usual one stays small.
        let asked = Box::pin(async {
            let identity = ask().await?;
            self.for_reads.insert(token, identity.clone()).await;
            Ok(identity)
        });
        Box::pin(self.for_writes.try_get_with(token, asked)).await.map_err(|no_answer| *no_answer)
    }
}

fn now_seconds() -> i64 {
    i64::try_from(clock::now_ms() / 1_000).unwrap_or(i64::MAX)
}

fn cache(trusted_for: Duration) -> Cache<CredentialHash, CachedIdentity> {
    Cache::builder().max_capacity(CAPACITY).time_to_live(trusted_for).build()
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Poll;

    use futures_util::future::join_all;
    use tokio::sync::Notify;

    use super::*;
    use crate::auth::principal::Scopes;

    const LONG: CacheTtl = CacheTtl { write: Duration::from_mins(1), read: Duration::from_mins(1) };

    /// A provider that counts how often it is asked.
    #[derive(Default)]
    struct ProviderClient {
        asked: AtomicUsize,
    }

    impl ProviderClient {
        fn answer(
            &self,
            identity: Result<CachedIdentity, ProviderUnavailable>,
        ) -> impl Future<Output = Result<CachedIdentity, ProviderUnavailable>> {
            poll_fn(move |_| {
                self.asked.fetch_add(1, Ordering::SeqCst);
                Poll::Ready(identity.clone())
            })
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    fn principal() -> Arc<Principal> {
        let client = "mis-a".parse().unwrap();
        Arc::new(Principal { client, scopes: Scopes::parse("job:read"), expires_at: None })
    }

    #[tokio::test]
    async fn good_and_bad_verdicts_are_remembered_for_both_accesses() {
        for identity in [Ok(principal()), Err(CredentialError::Token), Err(CredentialError::ApiKeyMissing)] {
            let (cache, client, token) =
                (TokenCache::new(&LONG), ProviderClient::default(), CredentialHash::of("a", None));
            for access in [Access::Write, Access::Read, Access::Write] {
                assert_eq!(
                    cache.identity(token, access, || client.answer(Ok(identity.clone()))).await,
                    Ok(identity.clone())
                );
            }
            assert_eq!(client.asked(), 1);
        }
    }

    #[tokio::test]
    async fn a_token_past_its_own_end_is_refused_however_fresh_the_verdict() {
        let cache = TokenCache::new(&LONG);
        for (expires_at, wanted) in [(None, true), (Some(i64::MAX), true), (Some(now_seconds()), false)] {
            let principal = Arc::new(Principal { expires_at, ..Principal::clone(&principal()) });
            let identity = async { Ok(Ok(principal)) };
            let token = CredentialHash::of(&format!("{expires_at:?}"), None);
            let told = cache.principal(token, Access::Read, || identity).await;
            assert_eq!(told.is_ok(), wanted, "{expires_at:?}");
        }
    }

    #[test]
    fn a_token_with_another_api_key_is_another_entry() {
        let (token, key) = (CredentialHash::of("a", None), CredentialHash::of("a", Some("k")));
        assert_ne!(token, key);
        assert_ne!(key, CredentialHash::of("a", Some("l")));
        assert_ne!(key, CredentialHash::of("ak", None));
        assert_ne!(token, CredentialHash::of("a", Some("")));
        assert_eq!(key, CredentialHash::of("a", Some("k")));
    }

    #[tokio::test]
    async fn a_failure_is_not_remembered() {
        let (cache, client, token) =
            (TokenCache::new(&LONG), ProviderClient::default(), CredentialHash::of("a", None));
        assert_eq!(
            cache.identity(token, Access::Read, || client.answer(Err(ProviderUnavailable::Failed))).await,
            Err(ProviderUnavailable::Failed)
        );
        assert_eq!(
            cache.identity(token, Access::Read, || client.answer(Ok(Err(CredentialError::Token)))).await,
            Ok(Err(CredentialError::Token))
        );
        assert_eq!(client.asked(), 2);
    }

    #[tokio::test]
    async fn a_write_asks_again_where_a_read_still_trusts() {
        let trust = CacheTtl { write: Duration::ZERO, read: Duration::from_mins(1) };
        let (cache, client, token) =
            (TokenCache::new(&trust), ProviderClient::default(), CredentialHash::of("a", None));
        for access in [Access::Write, Access::Read, Access::Write, Access::Read] {
            assert_eq!(
                cache.identity(token, access, || client.answer(Ok(Ok(principal())))).await,
                Ok(Ok(principal()))
            );
        }
        assert_eq!(client.asked(), 2);
    }

    #[tokio::test]
    async fn trust_of_zero_asks_every_time() {
        let trust = CacheTtl { write: Duration::ZERO, read: Duration::ZERO };
        let (cache, client, token) =
            (TokenCache::new(&trust), ProviderClient::default(), CredentialHash::of("a", None));
        for access in [Access::Read, Access::Write, Access::Read] {
            assert_eq!(
                cache.identity(token, access, || client.answer(Ok(Ok(principal())))).await,
                Ok(Ok(principal()))
            );
        }
        assert_eq!(client.asked(), 3);
    }

    #[tokio::test]
    async fn five_hundred_first_uses_at_once_ask_once() {
        let (cache, client, answer) = (TokenCache::new(&LONG), ProviderClient::default(), Notify::new());
        let uses = (0..500).map(|_| {
            let ask = async {
                answer.notified().await;
                client.answer(Ok(Ok(principal()))).await
            };
            cache.identity(CredentialHash::of("a", None), Access::Write, || ask)
        });
        let (identities, ()) = tokio::join!(join_all(uses), async { answer.notify_waiters() });
        assert!(identities.iter().all(|identity| *identity == Ok(Ok(principal()))));
        assert_eq!(client.asked(), 1);
    }
}
