//! Writes that must outlive a fail-over: done only once replicas have them.

use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::{FromRedisValue, ScriptInvocation};

use super::error::within;
use super::{Connection, REPEATS, Redis, RedisError};

/// How long replicas may take to confirm a write.
const CONFIRM_LIMIT: Duration = Duration::from_millis(800);

impl Redis {
    /// Runs a script whose writes must outlive a fail-over: with `RESEND_REDIS_MIN_REPLICAS` it is done only once so
    /// many replicas have it. The script must write something, or there is nothing to confirm.
    pub async fn script_confirmed<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, RedisError> {
        let wanted = self.inner.min_replicas;
        if wanted == 0 {
            return self.script(script).await;
        }
        let mut repeats = 0;
        loop {
            match Box::pin(self.write_and_wait(script, wanted)).await {
                Err(error) if error.may_repeat() && repeats < REPEATS => repeats += 1,
                answer => return answer,
            }
        }
    }

    async fn write_and_wait<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
        wanted: u64,
    ) -> Result<T, RedisError> {
        let idle = self.idle().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.dedicated().await?,
        };
        // A connection that fails in between is dropped, and with it whatever answer is still on its way.
        let answer = within(script.invoke_async(&mut connection)).await?;
        let mut wait = ::redis::cmd("WAIT");
        wait.arg(wanted).arg(CONFIRM_LIMIT.as_millis().to_string());
        let confirmed: u64 = within(wait.query_async(&mut connection)).await?;
        self.idle().push(connection);
        if confirmed < wanted { Err(RedisError::Unconfirmed { confirmed, wanted }) } else { Ok(answer) }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.inner.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
