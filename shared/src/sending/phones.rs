//! A phone as an operator sees it: its limits, and the lock after too many failed checks, which can be lifted.

use redis::Script;

use super::UNLOCK;
use super::phone_names::PhoneNames;
use crate::domain::phone::PhoneNumber;
use crate::queue::{Queue, QueueError};
use crate::redis::RedisError;
use crate::settings::{FAILED_CHECKS_PER_PHONE_HOUR, MessageLimits};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Phones as Redis knows them.
pub struct Phones {
    queue: Queue,
    names: PhoneNames,
    allowed: MessageLimits,
    unlock: Script,
}

/// The state of a phone; times in milliseconds since the epoch by Redis' clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneStatus {
    /// Messages sent within an hour.
    pub sent_hour: u64,
    /// Messages sent within a day.
    pub sent_day: u64,
    /// When its limits let the next message through; `None`: now.
    pub next_message_ms: Option<u64>,
    /// Failed checks within an hour.
    pub failed: u64,
    /// Until when codes are not compared; `None`: the phone is not locked.
    pub locked_until_ms: Option<u64>,
    /// Its last codes, oldest first.
    pub codes: Vec<CodeStatus>,
}

/// The state of a code, without the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeStatus {
    /// Its job.
    pub job: String,
    /// When it was offered.
    pub offered_ms: u64,
    /// When a gateway took its message, if one did.
    pub taken_ms: Option<u64>,
    /// Guesses it was compared with.
    pub guesses: u64,
    /// Whether it was used.
    pub is_used: bool,
}

impl Phones {
    /// Phones with these names, which must be those of the workers.
    pub fn new(allowed: MessageLimits, names: PhoneNames, queue: Queue) -> Self {
        Self { queue, names, allowed, unlock: Script::new(UNLOCK) }
    }

    /// The state of the phone. During a rotation of secrets, from the record under the newest that has one.
    pub async fn show(&self, phone: &PhoneNumber) -> Result<PhoneStatus, QueueError> {
        let mut read = redis::pipe();
        read.cmd("TIME");
        self.records(phone).iter().for_each(|record| _ = read.cmd("GET").arg(record));
        let mut answers: Vec<redis::Value> = self.queue.redis().pipeline(&read).await?;
        let texts = answers.split_off(1);
        let (seconds, micros): (u64, u64) = read_value(answers.remove(0))?;
        let text = texts.into_iter().map(read_value::<Option<String>>).find_map(Result::transpose);
        Ok(self.status(&text.transpose()?.unwrap_or_default(), seconds * 1_000 + micros / 1_000))
    }

    /// Deletes the phone's failed checks; returns how many there were.
    pub async fn unlock(&self, phone: &PhoneNumber) -> Result<u64, RedisError> {
        let mut call = self.unlock.prepare_invoke();
        self.records(phone).iter().for_each(|record| _ = call.key(record));
        self.queue.redis().script_confirmed(&call).await
    }

    /// The phone's name in Redis, which does not reveal the number.
    pub fn name(&self, phone: &PhoneNumber) -> String {
        self.names.names(phone).into_iter().next().unwrap_or_default()
    }

    fn records(&self, phone: &PhoneNumber) -> Vec<String> {
        self.names.names(phone).iter().map(|name| self.queue.keys().phone(name)).collect()
    }

    fn status(&self, record: &str, now_ms: u64) -> PhoneStatus {
        let lines = |kind: &'static str| record.lines().filter_map(move |line| line.strip_prefix(kind));
        let times = |kind| -> Vec<u64> {
            lines(kind).flat_map(str::split_whitespace).filter_map(|time| time.parse().ok()).collect()
        };
        let (sent, failed) = (times("sent "), times("failed "));
        let within =
            |times: &[u64], window| times.iter().filter(|time| **time + window > now_ms).count() as u64;
        let blocked = |times, window, allowed| blocked_until(times, window, allowed, now_ms);
        let hour = blocked(&sent, HOUR_MS, self.allowed.per_phone_hour);
        PhoneStatus {
            sent_hour: within(&sent, HOUR_MS),
            sent_day: within(&sent, DAY_MS),
            next_message_ms: hour.max(blocked(&sent, DAY_MS, self.allowed.per_phone_day)),
            failed: within(&failed, HOUR_MS),
            locked_until_ms: blocked(&failed, HOUR_MS, FAILED_CHECKS_PER_PHONE_HOUR),
            codes: lines("code ").filter_map(code).collect(),
        }
    }
}

/// When a limit on events at these times lets the next one through; `None` if it does so now.
fn blocked_until(times: &[u64], window: u64, allowed: u64, now_ms: u64) -> Option<u64> {
    let newest = usize::try_from(allowed).ok().filter(|allowed| *allowed > 0)?;
    let blocking = times.get(times.len().checked_sub(newest)?)?;
    Some(blocking + window).filter(|until| *until > now_ms)
}

fn code(line: &str) -> Option<CodeStatus> {
    let [job, hash, offered, taken, guesses]: [&str; 5] =
        line.split(' ').collect::<Vec<_>>().try_into().ok()?;
    Some(CodeStatus {
        job: job.to_owned(),
        offered_ms: offered.parse().ok()?,
        taken_ms: taken.parse().ok().filter(|taken| *taken > 0),
        guesses: guesses.parse().ok()?,
        is_used: hash.starts_with('!'),
    })
}

fn read_value<T: redis::FromRedisValue>(value: redis::Value) -> Result<T, QueueError> {
    redis::from_redis_value(value).map_err(|_| QueueError::Corrupt("the record of a phone"))
}
