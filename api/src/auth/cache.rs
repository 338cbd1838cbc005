//! What is known of tokens, for as long as it is trusted. Tokens themselves are not kept, only their hashes; at any
//! moment a token is asked about once, however many requests wait for the answer; a failure is not remembered.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use sha2::{Digest, Sha256};
use shared::domain::clock;

use super::AuthError;
use super::caller::{Access, Caller};
use crate::config::Trust;

/// Tokens remembered; with the longest client id about 40 MB. The least used go first.
const CAPACITY: u64 = 50_000;

/// What was said of a token: its bearer, or that it is good for nothing.
pub(crate) type Verdict = Option<Arc<Caller>>;

/// Whoever vouches for tokens gave no usable answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoAnswer;

/// SHA-256 of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of this token.
    pub(crate) fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}

/// Verdicts by token. Each is held twice, because writes trust it for a shorter time than reads.
pub(crate) struct TokenCache {
    for_writes: Cache<TokenHash, Verdict>,
    for_reads: Cache<TokenHash, Verdict>,
}

impl TokenCache {
    /// An empty one.
    pub(crate) fn new(trust: &Trust) -> Self {
        Self { for_writes: cache(trust.write), for_reads: cache(trust.read) }
    }

    /// The bearer of a token, unless it is good for nothing or past its own end.
    pub(crate) async fn caller<A: Future<Output = Result<Verdict, NoAnswer>>>(
        &self,
        token: &str,
        access: Access,
        ask: impl FnOnce() -> A,
    ) -> Result<Arc<Caller>, AuthError> {
        let verdict = self.verdict(TokenHash::of(token), access, ask).await;
        let caller = verdict.map_err(|_| AuthError::Unavailable)?.ok_or(AuthError::InvalidToken)?;
        let in_force = caller.expires_at.is_none_or(|end| end > now_seconds());
        in_force.then_some(caller).ok_or(AuthError::InvalidToken)
    }

    /// The verdict that is trusted for this access; `ask` is called where there is none. It is no future yet, which would
    /// be part of every request whose token is known.
    pub(crate) async fn verdict<A: Future<Output = Result<Verdict, NoAnswer>>>(
        &self,
        token: TokenHash,
        access: Access,
        ask: impl FnOnce() -> A,
    ) -> Result<Verdict, NoAnswer> {
        let trusted = match access {
            Access::Write => self.for_writes.get(&token).await,
            Access::Read => self.for_reads.get(&token).await,
        };
        if let Some(verdict) = trusted {
            return Ok(verdict);
        }
        // The rare way is boxed, so that the usual one stays small.
        let asked = Box::pin(async {
            let verdict = ask().await?;
            self.for_reads.insert(token, verdict.clone()).await;
            Ok(verdict)
        });
        Box::pin(self.for_writes.try_get_with(token, asked)).await.map_err(|no_answer| *no_answer)
    }
}

fn now_seconds() -> i64 {
    i64::try_from(clock::now_ms() / 1_000).unwrap_or(i64::MAX)
}

fn cache(trusted_for: Duration) -> Cache<TokenHash, Verdict> {
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
    use crate::auth::caller::Scopes;

    const LONG: Trust = Trust { write: Duration::from_mins(1), read: Duration::from_mins(1) };

    /// A vouching service that counts how often it is asked.
    #[derive(Default)]
    struct Voucher {
        asked: AtomicUsize,
    }

    impl Voucher {
        fn answer(
            &self,
            verdict: Result<Verdict, NoAnswer>,
        ) -> impl Future<Output = Result<Verdict, NoAnswer>> {
            poll_fn(move |_| {
                self.asked.fetch_add(1, Ordering::SeqCst);
                Poll::Ready(verdict.clone())
            })
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    fn caller() -> Arc<Caller> {
        let client = "mis-a".parse().unwrap();
        Arc::new(Caller { client, scopes: Scopes::parse("job:read"), expires_at: None })
    }

    #[tokio::test]
    async fn good_and_bad_verdicts_are_remembered_for_both_accesses() {
        for verdict in [Some(caller()), None] {
            let (cache, voucher, token) = (TokenCache::new(&LONG), Voucher::default(), TokenHash::of("a"));
            for access in [Access::Write, Access::Read, Access::Write] {
                assert_eq!(
                    cache.verdict(token, access, || voucher.answer(Ok(verdict.clone()))).await,
                    Ok(verdict.clone())
                );
            }
            assert_eq!(voucher.asked(), 1);
        }
    }

    #[tokio::test]
    async fn a_token_past_its_own_end_is_refused_however_fresh_the_verdict() {
        let cache = TokenCache::new(&LONG);
        for (expires_at, wanted) in [(None, true), (Some(i64::MAX), true), (Some(now_seconds()), false)] {
            let caller = Arc::new(Caller { expires_at, ..Caller::clone(&caller()) });
            let verdict = async { Ok(Some(caller)) };
            let told = cache.caller(&format!("{expires_at:?}"), Access::Read, || verdict).await;
            assert_eq!(told.is_ok(), wanted, "{expires_at:?}");
        }
    }

    #[tokio::test]
    async fn a_failure_is_not_remembered() {
        let (cache, voucher, token) = (TokenCache::new(&LONG), Voucher::default(), TokenHash::of("a"));
        assert_eq!(cache.verdict(token, Access::Read, || voucher.answer(Err(NoAnswer))).await, Err(NoAnswer));
        assert_eq!(cache.verdict(token, Access::Read, || voucher.answer(Ok(None))).await, Ok(None));
        assert_eq!(voucher.asked(), 2);
    }

    #[tokio::test]
    async fn a_write_asks_again_where_a_read_still_trusts() {
        let trust = Trust { write: Duration::ZERO, read: Duration::from_mins(1) };
        let (cache, voucher, token) = (TokenCache::new(&trust), Voucher::default(), TokenHash::of("a"));
        for access in [Access::Write, Access::Read, Access::Write, Access::Read] {
            assert_eq!(
                cache.verdict(token, access, || voucher.answer(Ok(Some(caller())))).await,
                Ok(Some(caller()))
            );
        }
        assert_eq!(voucher.asked(), 2);
    }

    #[tokio::test]
    async fn trust_of_zero_asks_every_time() {
        let trust = Trust { write: Duration::ZERO, read: Duration::ZERO };
        let (cache, voucher, token) = (TokenCache::new(&trust), Voucher::default(), TokenHash::of("a"));
        for access in [Access::Read, Access::Write, Access::Read] {
            assert_eq!(
                cache.verdict(token, access, || voucher.answer(Ok(Some(caller())))).await,
                Ok(Some(caller()))
            );
        }
        assert_eq!(voucher.asked(), 3);
    }

    #[tokio::test]
    async fn five_hundred_first_uses_at_once_ask_once() {
        let (cache, voucher, answer) = (TokenCache::new(&LONG), Voucher::default(), Notify::new());
        let uses = (0..500).map(|_| {
            let ask = async {
                answer.notified().await;
                voucher.answer(Ok(Some(caller()))).await
            };
            cache.verdict(TokenHash::of("a"), Access::Write, || ask)
        });
        let (verdicts, ()) = tokio::join!(join_all(uses), async { answer.notify_waiters() });
        assert!(verdicts.iter().all(|verdict| *verdict == Ok(Some(caller()))));
        assert_eq!(voucher.asked(), 1);
    }
}
