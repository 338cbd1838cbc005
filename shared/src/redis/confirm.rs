//! Writes that must outlive a fail-over: done only once replicas have them.

use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::{FromRedisValue, ScriptInvocation};

use super::error::within;
use super::link::Link;
use super::{Connection, Connector, REPEATS, Redis, RedisError, Request};

/// How long replicas may take to confirm a write.
const CONFIRM_LIMIT: Duration = Duration::from_millis(800);

/// How often at most sentinels are asked anew who is master while nothing is confirmed.
const ASKED_EVERY: Duration = Duration::from_secs(1);

impl Redis {
    /// Runs a script whose writes must outlive a fail-over: with `RESEND_REDIS_MIN_REPLICAS` it is done only once so
    /// many replicas have it. The script must write something, or there is nothing to confirm.
    pub async fn script_confirmed<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, RedisError> {
        self.ask_confirmed(&Request::Script(script)).await
    }

    pub(super) async fn ask_confirmed<T: FromRedisValue>(
        &self,
        request: &Request<'_>,
    ) -> Result<T, RedisError> {
        let wanted = self.inner.min_replicas;
        if wanted == 0 {
            return self.ask(request).await;
        }
        let mut repeats = 0;
        loop {
            match Box::pin(self.write_and_wait(request, wanted)).await {
                Err(error) if error.may_repeat() && repeats < REPEATS => repeats += 1,
                answer => return answer,
            }
        }
    }

    async fn write_and_wait<T: FromRedisValue>(
        &self,
        request: &Request<'_>,
        wanted: u64,
    ) -> Result<T, RedisError> {
        let link = self.link().await?;
        let mut connection = match self.idle_of(link.generation) {
            Some(connection) => connection,
            None => self.dedicated().await?,
        };
        // A connection that fails in between is dropped, and with it whatever answer is still on its way.
        let answer = within(request.send(&mut connection)).await?;
        let mut wait = ::redis::cmd("WAIT");
        wait.arg(wanted).arg(CONFIRM_LIMIT.as_millis().to_string());
        let confirmed: u64 = within(wait.query_async(&mut connection)).await?;
        self.idle().push((link.generation, connection));
        if confirmed < wanted {
            self.doubt(&link);
            return Err(RedisError::Unconfirmed { confirmed, wanted });
        }
        Ok(answer)
    }

    /// A master without its replicas may be one that was replaced and was not told yet: sentinels leave it alone for
    /// seconds, in which it takes writes that will be thrown away. So who is master is asked anew.
    fn doubt(&self, link: &Link) {
        if matches!(*self.inner.connector, Connector::Sentinel(_)) && link.since.elapsed() > ASKED_EVERY {
            self.discard(link.generation);
        }
    }

    fn idle_of(&self, generation: u64) -> Option<Connection> {
        let mut idle = self.idle();
        idle.retain(|(of, _)| *of == generation);
        idle.pop().map(|(_, connection)| connection)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(u64, Connection)>> {
        self.inner.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
