//! The guard before every message: the limits on messages, the intent to send, and the offer of the code, all recorded in
//! one step before anything is sent. A refusal counts nothing.

use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue, ParsingError, Value, from_redis_value};

use super::LEAVE;
use super::codes::{Codes, JobCode, OfferedCode};
use super::limits::LimitExceeded;
use super::permit::{self, SendPermit};
use super::phone_names::PhoneNames;
use crate::domain::clock::millis;
use crate::domain::phone::PhoneNumber;
use crate::queue::{CountedSend, Delivery, GROUP, MAX_BELIEVED, MAX_OPEN, Queue, QueueError, SendSettlement};
use crate::redis::{ScriptArgs, ScriptBatcher};
use crate::runtime::boot_time::BootTime;
use crate::runtime::fail_point;
use crate::settings::MessageLimits;
use crate::telemetry::LogThrottle;
use crate::telemetry::span::{self, Span};

/// Grants permits to send.
pub struct SendGuard {
    queue: Queue,
    phones: PhoneNames,
    leave: ScriptBatcher,
}

/// Whether this delivery may send its message now.
#[derive(Debug)]
pub enum SendDecision {
    /// Yes.
    Granted(SendPermit),
    /// No: a limit on messages is reached.
    LimitReached(LimitExceeded),
    /// No: the deadline is past, or nearly.
    Late,
    /// No: as many messages as a job may send may be out already.
    Exhausted,
    /// No: the delivery belongs to another worker now, or the job ended.
    Lost,
}

/// The script's reply.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Go { left_ms: u64, opens_left: u32, believed_left: u32, secret: usize, now_ms: u64 },
    Limit(LimitExceeded),
    Late,
    Exhausted,
    Lost,
}

impl SendGuard {
    /// A guard with these limits. The names of phones must be made under the same secrets as the codes.
    pub fn new(allowed: &MessageLimits, phones: PhoneNames, queue: Queue) -> Self {
        let keys = queue.keys();
        let shared = ScriptArgs::new()
            .key(keys.stream())
            .key(keys.total_messages())
            .arg(GROUP)
            .arg(MAX_OPEN)
            .arg(MAX_OPEN + MAX_BELIEVED)
            .arg(millis(queue.config().deadline))
            .arg(millis(queue.config().lease))
            .arg(allowed.per_phone_hour)
            .arg(allowed.per_phone_day)
            .arg(allowed.per_patient_day)
            .arg(allowed.per_client_minute)
            .arg(allowed.total_minute)
            .arg(keys.client_messages(""));
        let leave = ScriptBatcher::new(queue.redis(), LEAVE, shared).confirmed();
        Self { queue, phones, leave }
    }

    /// Asks for a permit to send one message to this phone, with the job's code if `codes` are made here. The second
    /// message of a job costs as much as the first; a repeated call of the same delivery is counted once.
    pub async fn ask(
        &self,
        delivery: &Delivery,
        phone: &PhoneNumber,
        codes: Option<&Codes>,
    ) -> Result<SendDecision, QueueError> {
        let (job, asked) = (&delivery.message.job, BootTime::now());
        let names = self.phones.names(phone);
        let records: Vec<_> = names.iter().map(|name| self.queue.keys().phone(name)).collect();
        let made = codes.map(|codes| codes.of_job(phone, job)).unwrap_or_default();
        let span = Span::step(span::BEGIN_SEND, delivery.message.trace.as_ref());
        let item = self.item(delivery, &records, &made, codes);
        let answer: Answer = self.leave.ask(item).await?;
        fail_point::hit(fail_point::AFTER_BEGIN_SEND, job).await;
        span.result(answer.label());
        Ok(match answer {
            Answer::Go { left_ms, opens_left, believed_left, secret, now_ms } => {
                let lasts = permit::lasts(Duration::from_millis(left_ms), self.queue.config().lease);
                let send = Arc::new(self.counted(delivery, &records));
                let offered = secret.checked_sub(1).and_then(|index| offered(index, made, &records, now_ms));
                SendDecision::Granted(SendPermit { offered, asked, lasts, opens_left, believed_left, send })
            }
            Answer::Limit(reached) => SendDecision::LimitReached(reached),
            Answer::Late => SendDecision::Late,
            Answer::Exhausted => SendDecision::Exhausted,
            Answer::Lost => SendDecision::Lost,
        })
    }

    /// The settlement to record with a retry if the answer to the request for a permit was lost or not confirmed:
    /// nothing was handed over, so nothing stays open.
    pub fn unsent(&self, delivery: &Delivery, phone: &PhoneNumber) -> SendSettlement {
        let records: Vec<_> =
            self.phones.names(phone).iter().map(|name| self.queue.keys().phone(name)).collect();
        SendSettlement { send: Arc::new(self.counted(delivery, &records)), believed: 0, is_open: false }
    }

    /// Records at once the outcome of a try whose job ends now. While Redis is away the message stays counted until the
    /// windows of its limits end, which is logged.
    pub async fn settle(&self, settlement: &SendSettlement) {
        static THROTTLE: LogThrottle = LogThrottle::new();
        if let Err(error) = self.queue.deliveries().settle_send(settlement).await
            && let Some(suppressed) = THROTTLE.allow()
        {
            tracing::warn!(%error, suppressed, "a message that was not sent stays counted against its limits");
        }
    }

    /// The keys and arguments of one job.
    fn item(
        &self,
        delivery: &Delivery,
        records: &[String],
        made: &[JobCode],
        codes: Option<&Codes>,
    ) -> ScriptArgs {
        let (keys, message) = (self.queue.keys(), &delivery.message);
        let item = ScriptArgs::new().key(keys.job(&message.job)).key(keys.patient(&message.patient));
        let item = records.iter().fold(item, ScriptArgs::key);
        let item = item.arg(&delivery.consumer).arg(&delivery.entry).arg(delivery.number);
        let item = item.arg(&message.job).arg(message.approval).arg(codes.map_or(0, Codes::life_ms));
        let hash = |index| made.get(index).map_or("", |code: &JobCode| code.hash.as_str());
        (0..records.len()).fold(item.arg(records.len()), |item, index| item.arg(hash(index)))
    }

    /// The send of this delivery.
    fn counted(&self, delivery: &Delivery, records: &[String]) -> CountedSend {
        let (keys, message) = (self.queue.keys(), &delivery.message);
        let mut all = vec![keys.job(&message.job), keys.total_messages(), keys.patient(&message.patient)];
        all.extend_from_slice(records);
        CountedSend { delivery: delivery.name(), approval: message.approval, keys: all }
    }
}

/// The code that was offered under the secret with this index.
fn offered(index: usize, mut made: Vec<JobCode>, records: &[String], offered_ms: u64) -> Option<OfferedCode> {
    let JobCode { code, .. } = (index < made.len()).then(|| made.swap_remove(index))?;
    Some(OfferedCode { code, records: records.to_vec(), offered_ms })
}

impl Answer {
    /// The result, as recorded in the step's span.
    fn label(&self) -> &'static str {
        match self {
            Self::Go { .. } => "go",
            Self::Limit { .. } => "limit",
            Self::Late => "late",
            Self::Exhausted => "exhausted",
            Self::Lost => "lost",
        }
    }
}

impl FromRedisValue for Answer {
    fn from_redis_value(row: Value) -> Result<Self, ParsingError> {
        let mut row = from_redis_value::<Vec<Value>>(row)?.into_iter();
        let mut next = || row.next().unwrap_or(Value::Nil);
        let word: String = from_redis_value(next())?;
        Ok(match word.as_str() {
            "go" => Self::Go {
                left_ms: from_redis_value(next())?,
                opens_left: from_redis_value(next())?,
                believed_left: from_redis_value(next())?,
                secret: from_redis_value(next())?,
                now_ms: from_redis_value(next())?,
            },
            "limit" => {
                let name: String = from_redis_value(next())?;
                let reached = LimitExceeded::of(&name, from_redis_value(next())?);
                Self::Limit(reached.ok_or("leave names a limit there is")?)
            }
            "late" => Self::Late,
            "exhausted" => Self::Exhausted,
            "lost" => Self::Lost,
            _ => return Err("leave answers go, limit, late, exhausted or lost".into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::outcome::Reason;

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn each_answer_is_read_and_others_are_not() {
        let numbers = [299_000, 1, 2, 1, 1_795_000_000_000].map(Value::Int);
        let go = std::iter::once(text("go")).chain(numbers).collect();
        let limit = vec![text("limit"), text("phone_day"), Value::Int(7)];
        for (row, answer) in [
            (
                go,
                Answer::Go {
                    left_ms: 299_000,
                    opens_left: 1,
                    believed_left: 2,
                    secret: 1,
                    now_ms: 1_795_000_000_000,
                },
            ),
            (limit, Answer::Limit(LimitExceeded { limit: Reason::PhoneDay, next_attempt_ms: 7 })),
            (vec![text("late")], Answer::Late),
            (vec![text("exhausted")], Answer::Exhausted),
            (vec![text("lost")], Answer::Lost),
        ] {
            assert_eq!(from_redis_value::<Answer>(Value::Array(row)).unwrap(), answer);
        }
        let unknown = vec![text("limit"), text("moon"), Value::Int(7)];
        for row in [vec![], vec![text("limit"), text("phone_day")], unknown, vec![text("yes")]] {
            assert!(from_redis_value::<Answer>(Value::Array(row)).is_err());
        }
    }
}
