//! Writes that must outlive a fail-over: complete only once replicas have them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use ::redis::{FromRedisValue, ScriptInvocation, from_redis_value};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use super::reconnect::Link;
use super::request::ScriptCall;
use super::{Connection, Connector, MAX_REPEATS, Redis, RedisError};

/// Longest replicas may take to confirm a write.
const CONFIRM_LIMIT: Duration = Duration::from_millis(800);

/// Longest a confirmed call may take in all, including the wait for its connection: within it, a request is refused in
/// 2.5 s.
const CALL_LIMIT: Duration = Duration::from_millis(2_300);

/// Shortest time between two queries of the sentinels for the master while nothing is confirmed.
const MASTER_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Most confirmed calls of a handle at once, and so the most connections it keeps for them. `WAIT` holds up everything
/// behind it on a connection, so each call has one to itself; in a cluster each is a client with a connection to every
/// node. A call may carry a whole batch.
const MAX_CONFIRMED_CALLS: usize = 16;

/// How long a connection for confirmed calls is kept unused.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// The connections for confirmed calls.
pub(super) struct ConfirmationPool {
    permits: Semaphore,
    idle: Arc<IdleConnections<Connection>>,
}

struct IdleConnections<C>(Mutex<Idle<C>>);

struct Idle<C> {
    /// The last one is the one used last.
    connections: Vec<IdleConnection<C>>,
    /// Whether a task is closing unused connections.
    is_tended: bool,
}

struct IdleConnection<C> {
    /// The link at the time it was made; once that has changed, the connection may lead to another server.
    generation: u64,
    since: Instant,
    connection: C,
}

impl Redis {
    /// Runs a script whose writes must outlive a fail-over: with `RESEND_REDIS_MIN_REPLICAS` it completes only once
    /// that many replicas have them. The script must write something, or there is nothing to confirm.
    pub async fn script_confirmed<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, RedisError> {
        self.call_confirmed(ScriptCall::One(script)).await
    }

    pub(super) async fn call_confirmed<T: FromRedisValue>(
        &self,
        call: ScriptCall<'_>,
    ) -> Result<T, RedisError> {
        let wanted = self.inner.min_replicas;
        if wanted == 0 {
            return self.ask(&super::Request::Script(call)).await;
        }
        let repeated = async {
            let mut repeats = 0;
            loop {
                match self.write_and_wait(&call, wanted).await {
                    Err(error) if error.may_repeat() && repeats < MAX_REPEATS => repeats += 1,
                    answer => return answer,
                }
            }
        };
        timeout(CALL_LIMIT, Box::pin(repeated)).await.unwrap_or(Err(RedisError::Silent(CALL_LIMIT)))
    }

    async fn write_and_wait<T: FromRedisValue>(
        &self,
        call: &ScriptCall<'_>,
        wanted: u64,
    ) -> Result<T, RedisError> {
        let pool = &self.inner.confirmations;
        // Never closed.
        let _permit = pool.permits.acquire().await.ok();
        let link = self.link().await?;
        let mut connection = match pool.idle.take(link.generation) {
            Some(connection) => connection,
            None => self.dedicated().await?,
        };
        // A connection whose call fails or is cancelled is dropped, because its answer may still arrive.
        let sent = call.send_and_wait(&mut connection, wanted, CONFIRM_LIMIT).await;
        let confirmed = sent.inspect_err(|_| self.discard(link.generation))?;
        let answer = confirmed.answer.map_err(RedisError::from);
        if answer.as_ref().is_err_and(RedisError::breaks_link) {
            self.discard(link.generation);
        } else {
            pool.idle.put(link.generation, connection);
        }
        let answer = answer?;
        if confirmed.replicas < wanted {
            self.doubt(&link);
            return Err(RedisError::Unconfirmed { confirmed: confirmed.replicas, wanted });
        }
        from_redis_value(answer).map_err(|error| RedisError::from(::redis::RedisError::from(error)))
    }

    /// Looks up the master again. A master without its replicas may have been replaced without noticing: until the
    /// sentinels tell it, it takes writes that will be lost.
    fn doubt(&self, link: &Link) {
        let is_single = matches!(*self.inner.connector, Connector::Single(_));
        if !is_single && link.since.elapsed() > MASTER_CHECK_INTERVAL {
            self.discard(link.generation);
        }
    }
}

impl Default for ConfirmationPool {
    fn default() -> Self {
        Self { permits: Semaphore::new(MAX_CONFIRMED_CALLS), idle: Arc::new(IdleConnections::new()) }
    }
}

impl<C: Send + 'static> IdleConnections<C> {
    fn new() -> Self {
        Self(Mutex::new(Idle { connections: Vec::new(), is_tended: false }))
    }

    /// The connection used last, so that surplus ones stay unused.
    fn take(&self, generation: u64) -> Option<C> {
        let mut idle = self.lock();
        idle.connections.retain(|unused| unused.generation == generation);
        idle.connections.pop().map(|unused| unused.connection)
    }

    fn put(self: &Arc<Self>, generation: u64, connection: C) {
        let mut idle = self.lock();
        idle.connections.push(IdleConnection { generation, since: Instant::now(), connection });
        if !std::mem::replace(&mut idle.is_tended, true) {
            tokio::spawn(Self::close_unused(Arc::downgrade(self)));
        }
    }

    /// Closes connections that stay unused, until none is left.
    async fn close_unused(pool: Weak<Self>) {
        loop {
            sleep(IDLE_LIMIT).await;
            let Some(pool) = pool.upgrade() else { return };
            let mut idle = pool.lock();
            idle.connections.retain(|unused| unused.since.elapsed() < IDLE_LIMIT);
            idle.is_tended = !idle.connections.is_empty();
            if !idle.is_tended {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Idle<C>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn unused_connections_are_closed_after_a_while() {
        let pool = Arc::new(IdleConnections::new());
        (0..8).for_each(|connection| pool.put(1, connection));
        sleep(IDLE_LIMIT / 2).await;
        let busy = pool.take(1).unwrap();
        assert_eq!(busy, 7, "the one used last");
        pool.put(1, busy);
        sleep(IDLE_LIMIT * 3 / 4).await;
        assert_eq!(pool.lock().connections.len(), 1, "the one that was used meanwhile");
        sleep(IDLE_LIMIT).await;
        assert_eq!(pool.lock().connections.len(), 0);
        pool.put(1, 0);
        sleep(IDLE_LIMIT * 2).await;
        assert_eq!(pool.lock().connections.len(), 0, "the closing starts anew");
    }

    #[tokio::test]
    async fn connections_of_an_older_link_are_not_used_again() {
        let pool = Arc::new(IdleConnections::new());
        pool.put(1, "old");
        pool.put(2, "new");
        assert_eq!((pool.take(2), pool.take(2)), (Some("new"), None));
    }
}
