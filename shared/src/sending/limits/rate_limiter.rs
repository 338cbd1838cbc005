//! The rate at which all workers together hand messages to a channel (`RESEND_SMS_PER_SECOND`): a generic cell rate
//! algorithm (GCRA) over one number per channel. It refuses no message; a message waits for its slot.

use std::num::NonZeroU32;
use std::time::Duration;

use redis::Script;

use crate::queue::Queue;
use crate::redis::RedisError;

/// A burst is a tenth of a second's messages, at least one: a gateway that counts by the second then sees at most a
/// tenth over its limit.
const TOGETHER: u32 = 10;

/// No slot is allotted further ahead than this, however long a caller would wait. A time further ahead in Redis was
/// written before the clock was set back.
const FURTHEST: Duration = Duration::from_secs(10);

/// Allots slots.
pub struct RateLimiter {
    queue: Queue,
    script: Script,
}

/// When a message may be handed to a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// After this wait; the slot is the caller's.
    After(Duration),
    /// No slot is free that soon, and none was taken. One may be free after this wait.
    NoneBefore(Duration),
}

impl RateLimiter {
    /// A limiter whose state is in the queue's Redis.
    pub fn new(queue: Queue) -> Self {
        Self { queue, script: Script::new(include_str!("rate_limit.lua")) }
    }

    /// Takes the channel's next slot if it comes within `longest`, of which at most 10 s count.
    pub async fn slot(
        &self,
        channel: &str,
        per_second: NonZeroU32,
        longest: Duration,
    ) -> Result<Slot, RedisError> {
        let mut call = self.script.key(self.queue.keys().rate(channel));
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
