//! The gate every message passes before it is sent: the limits on messages, the intent to send, and the offer of the
//! code, in this order. What is refused is counted nowhere.
//!
//! Where one server holds everything it is one step of the queue. In a cluster limits and codes are on servers of their
//! own, and there it is a step after the other, each of which may be asked again; what was counted before a refusal is
//! given back.

use redis::{FromRedisValue, ParsingError, Value, from_redis_value};

use crate::domain::phone::PhoneNumber;
use crate::queue::{Delivery, Queue, QueueError, SendStart};
use crate::redis::RedisError;
use crate::runtime::fail_point;
use crate::sending::codes::{Codes, Offered};
use crate::sending::limits::{LimitDecision, LimitExceeded, Limits, PhoneNames, QuotaReservation};
use crate::settings::MessageLimits;
use crate::telemetry::LogThrottle;
use crate::telemetry::span::{self, Span};

/// Lets messages through.
pub struct SendGuard {
    queue: Queue,
    limits: Limits,
}

/// Whether this delivery may send its message now.
#[derive(Debug)]
pub enum SendDecision {
    /// Yes.
    Granted(SendPermit),
    /// No: a limit on messages is reached.
    LimitReached(LimitExceeded),
    /// No: the deadline is past.
    Late,
    /// No: two sends were begun already, and what became of them is not known.
    Exhausted,
    /// No: the delivery is somebody else's now, or the job ended.
    Lost,
}

/// What was recorded with the leave.
#[derive(Debug)]
pub struct SendPermit {
    /// To be given back where the message certainly was not sent.
    pub counted: QuotaReservation,
    /// The code that may be checked from now on. None where none was asked for, or the job's was used already: its
    /// message arrived, whatever became of the run that sent it.
    pub offered: Option<Offered>,
}

/// What the step of the queue answers; subjects and limits by their number from 1.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Go { message: String, client: String, is_offered: bool },
    Limit { subject: usize, limit: usize, next_attempt_ms: u64 },
    Late,
    Exhausted,
    Lost,
}

impl SendGuard {
    /// A gate with these limits; phones are counted under these names.
    pub fn new(allowed: MessageLimits, phones: PhoneNames, queue: Queue) -> Self {
        Self { limits: Limits::new(allowed, phones, queue.clone()), queue }
    }

    /// Asks for leave to send one message to this phone, with the job's code where `codes` are made here. The second
    /// message of a job costs as much as the first; the same delivery asking again is counted once.
    pub async fn ask(
        &self,
        delivery: &Delivery,
        phone: &PhoneNumber,
        codes: Option<&Codes>,
    ) -> Result<SendDecision, QueueError> {
        if self.queue.redis().is_cluster() {
            self.ask_step_by_step(delivery, phone, codes).await
        } else {
            self.ask_at_once(delivery, phone, codes).await
        }
    }

    /// Takes the count of a message back that certainly was not sent. Where Redis is away it stays counted until its
    /// window ends, which is logged.
    pub async fn refund(&self, counted: &QuotaReservation) {
        static THROTTLE: LogThrottle = LogThrottle::new();
        if let Err(error) = self.limits.refund(counted).await
            && let Some(suppressed) = THROTTLE.allow()
        {
            tracing::warn!(%error, suppressed, "a message that was not sent stays counted against its limits");
        }
    }

    async fn ask_at_once(
        &self,
        delivery: &Delivery,
        phone: &PhoneNumber,
        codes: Option<&Codes>,
    ) -> Result<SendDecision, QueueError> {
        let job = &delivery.message.job;
        let code = match codes {
            Some(codes) => Some(codes.prepare(phone, job).await?),
            None => None,
        };
        let span = Span::step(span::BEGIN_SEND, delivery.message.trace.as_ref());
        let mut subjects = self.limits.subjects(phone, delivery.message.patient);
        let client = self.limits.client();

        let item = self.queue.keys_of_send(delivery);
        let item = subjects.iter().fold(item, |item, subject| item.key(&subject.key));
        let item = code.iter().fold(item, |item, code| item.key(code.record()).key(&code.used));
        let item = delivery.fenced(item).arg(job).arg(subjects.len());
        let item = subjects.iter().fold(item, |item, subject| subject.limits_after(item));
        let item = client.after(item).arg(u8::from(code.is_some()));
        let item = code.iter().fold(item, |item, code| item.arg(job).arg(&code.hash).arg(code.life_ms));
        let answer: Answer = self.queue.leave().ask(item).await?;
        fail_point::hit(fail_point::AFTER_BEGIN_SEND, job).await;

        span.result(answer.label());
        Ok(match answer {
            Answer::Go { message, client: name, is_offered } => {
                subjects.extend(
                    Some(name).filter(|name| !name.is_empty()).and_then(|name| client.subject(&name)),
                );
                let counted =
                    QuotaReservation { message, subjects: subjects.into_iter().map(|one| one.key).collect() };
                let offered = code.filter(|_| is_offered).map(|code| code.offered);
                SendDecision::Granted(SendPermit { counted, offered })
            }
            Answer::Limit { subject, limit, next_attempt_ms } => {
                subjects.extend(client.subject(""));
                let subject = subject.checked_sub(1).and_then(|index| subjects.get(index));
                let reached = subject.and_then(|subject| subject.reached(limit, next_attempt_ms));
                SendDecision::LimitReached(reached.ok_or(QueueError::Corrupt("the answer of leave"))?)
            }
            Answer::Late => SendDecision::Late,
            Answer::Exhausted => SendDecision::Exhausted,
            Answer::Lost => SendDecision::Lost,
        })
    }

    async fn ask_step_by_step(
        &self,
        delivery: &Delivery,
        phone: &PhoneNumber,
        codes: Option<&Codes>,
    ) -> Result<SendDecision, QueueError> {
        let counted = match self.limits.take(delivery, phone).await? {
            LimitDecision::Reserved(counted) => counted,
            LimitDecision::Refused(reached) => return Ok(SendDecision::LimitReached(reached)),
        };
        match self.queue.begin_send(delivery).await? {
            SendStart::Go => {}
            SendStart::Late => return Ok(self.refuse(&counted, SendDecision::Late).await),
            SendStart::Exhausted => return Ok(self.refuse(&counted, SendDecision::Exhausted).await),
            // The count is that of whoever has the job now.
            SendStart::Lost => return Ok(SendDecision::Lost),
        }
        match offer(delivery, phone, codes).await {
            Ok(offered) => Ok(SendDecision::Granted(SendPermit { counted, offered })),
            Err(error) => {
                self.refund(&counted).await;
                Err(error.into())
            }
        }
    }

    async fn refuse(&self, counted: &QuotaReservation, leave: SendDecision) -> SendDecision {
        self.refund(counted).await;
        leave
    }
}

async fn offer(
    delivery: &Delivery,
    phone: &PhoneNumber,
    codes: Option<&Codes>,
) -> Result<Option<Offered>, RedisError> {
    match codes {
        Some(codes) => codes.offer(phone, &delivery.message.job).await,
        None => Ok(None),
    }
}

impl Answer {
    /// What the span of the step is told.
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
                message: from_redis_value(next())?,
                client: from_redis_value(next())?,
                is_offered: from_redis_value(next())?,
            },
            "limit" => Self::Limit {
                subject: from_redis_value(next())?,
                limit: from_redis_value(next())?,
                next_attempt_ms: from_redis_value(next())?,
            },
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

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn each_answer_is_read_and_others_are_not() {
        let go = vec![text("go"), text("job:0"), text("mis-a"), Value::Int(1)];
        let limit = vec![text("limit"), Value::Int(2), Value::Int(1), Value::Int(7)];
        for (row, answer) in [
            (go, Answer::Go { message: "job:0".into(), client: "mis-a".into(), is_offered: true }),
            (limit, Answer::Limit { subject: 2, limit: 1, next_attempt_ms: 7 }),
            (vec![text("late")], Answer::Late),
            (vec![text("exhausted")], Answer::Exhausted),
            (vec![text("lost")], Answer::Lost),
        ] {
            assert_eq!(from_redis_value::<Answer>(Value::Array(row)).unwrap(), answer);
        }
        for row in [vec![], vec![text("limit"), Value::Int(2)], vec![text("yes")]] {
            assert!(from_redis_value::<Answer>(Value::Array(row)).is_err());
        }
    }
}
