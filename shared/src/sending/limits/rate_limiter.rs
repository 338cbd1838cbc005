//! How fast messages are handed to a channel by all workers together (`RESEND_SMS_PER_SECOND`). What a message may be
//! refused for is not decided here: it only waits.

use std::num::NonZeroU32;
use std::time::Duration;

use redis::Script;

use crate::queue::Queue;
use crate::redis::RedisError;

/// Messages that may go together are those of a tenth of a second, one at least: a gateway that counts by the second
/// then sees no more than a tenth over its limit.
const TOGETHER: u32 = 10;

/// No turn is given out further ahead than this, whatever a caller would wait: what stands further ahead in Redis is of a
/// clock that was set back.
const FURTHEST: Duration = Duration::from_secs(10);

/// Gives out turns.
pub struct RateLimiter {
    queue: Queue,
    script: Script,
}

/// When a message may be handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// After this wait; the moment is taken and nobody else's.
    After(Duration),
    /// There is none that soon. After this wait there may be one; none is taken.
    NoneBefore(Duration),
}

impl RateLimiter {
    /// Turns kept in the queue's Redis.
    pub fn new(queue: Queue) -> Self {
        Self { queue, script: Script::new(include_str!("scripts/rate_limit.lua")) }
    }

    /// Takes the next turn at the channel if it comes within `longest`, of which 10 s count.
    pub async fn turn(
        &self,
        channel: &str,
        per_second: NonZeroU32,
        longest: Duration,
    ) -> Result<Slot, RedisError> {
        let mut call = self.script.key(self.queue.keys().pace(channel));
        let interval = Duration::from_secs(1).as_micros() / u128::from(per_second.get());
        let together = per_second.get().div_ceil(TOGETHER);
        call.arg(u64::try_from(interval).unwrap_or(u64::MAX)).arg(together);
        for wait in [longest.min(FURTHEST), FURTHEST] {
            call.arg(u64::try_from(wait.as_micros()).unwrap_or(u64::MAX));
        }
        let (is_given, wait): (bool, u64) = self.queue.redis().script(&call).await?;
        let wait = Duration::from_micros(wait);
        Ok(if is_given { Slot::After(wait) } else { Slot::NoneBefore(wait) })
    }
}
