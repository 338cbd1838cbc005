//! Limits on messages to a phone, for a patient, of a client and of the whole fleet (`RESEND_LIMIT_PER_*`,
//! `RESEND_LIMIT_TOTAL_MINUTE`), shared by all workers through Redis. Those per approval are the queue's.
//!
//! Each subject is checked and counted in one step. Several subjects are several steps, at once, for in a cluster they
//! live on several servers: where one refuses, what the others counted is given back. In between another message may be refused
//! that would have fitted; never is one let through that does not.

mod pace;
mod phone_names;
mod subject;

use futures_util::future::join_all;
use redis::Cmd;

pub use pace::{Pace, Turn};
pub use phone_names::PhoneNames;
use subject::Subject;

use crate::config::MessageLimits;
use crate::ids::{ClientId, PatientId};
use crate::phone::PhoneNumber;
use crate::queue::{Delivery, Queue};
use crate::redis::{Gathered, Item, RedisError};

/// Counts messages and says when there are enough.
pub struct Limits {
    queue: Queue,
    allowed: MessageLimits,
    phones: PhoneNames,
    take: Gathered,
}

/// Whether a message may be sent.
#[derive(Debug)]
pub enum Leave {
    /// Yes; it is counted.
    Given(Counted),
    /// No; it is not counted.
    Refused {
        /// The limit that is reached, as metrics call it.
        limit: &'static str,
        /// When it lets the next message through, milliseconds since the epoch by Redis' clock.
        next_attempt_ms: u64,
    },
}

/// A message that was counted, so that it can be given back where it certainly was not sent.
#[derive(Debug)]
pub struct Counted {
    message: String,
    subjects: Vec<String>,
}

/// What the job's record says.
struct Record {
    client: Option<ClientId>,
    /// Sends begun before this one.
    sends: String,
}

impl Limits {
    /// Limits as the settings have them, counted in the queue's Redis.
    pub fn new(allowed: MessageLimits, phones: PhoneNames, queue: Queue) -> Self {
        let take = Gathered::new(queue.redis(), include_str!("limits/scripts/take.lua"), Item::new());
        let take = take.confirmed().on_tags_of_their_own();
        Self { queue, allowed, phones, take }
    }

    /// Counts the message this delivery is about to send, unless there are enough. The second message of a job costs as
    /// much as the first, and counts as much; asked again for the same message, it is counted once.
    pub async fn take(&self, delivery: &Delivery, phone: &PhoneNumber) -> Result<Leave, RedisError> {
        let record = self.record(delivery).await?;
        let message = format!("{}:{}", delivery.message.job, record.sends);
        let subjects = self.subjects(phone, delivery.message.patient, record.client.as_ref());
        let answers = join_all(subjects.iter().map(|subject| self.count(subject, &message))).await;
        // Where one failed, what others counted stays so until its window ends: rather too much than too little.
        let answers = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
        let latest = answers.iter().flatten().max_by_key(|(_, next_attempt_ms)| *next_attempt_ms).copied();
        let counted = subjects.into_iter().zip(&answers).filter(|(_, refused)| refused.is_none());
        let counted = Counted { message, subjects: counted.map(|(subject, _)| subject.key).collect() };
        match latest {
            None => Ok(Leave::Given(counted)),
            Some((limit, next_attempt_ms)) => {
                self.give_back(counted).await?;
                Ok(Leave::Refused { limit, next_attempt_ms })
            }
        }
    }

    /// Takes a count back: the message certainly was not sent.
    pub async fn give_back(&self, counted: Counted) -> Result<(), RedisError> {
        for subject in &counted.subjects {
            let mut remove = Cmd::new();
            remove.arg("ZREM").arg(subject).arg(&counted.message);
            self.queue.redis().command::<u64>(&remove).await?;
        }
        Ok(())
    }

    /// The limit that is reached, and until when.
    async fn count(
        &self,
        subject: &Subject,
        message: &str,
    ) -> Result<Option<(&'static str, u64)>, RedisError> {
        let item = Item::new().key(&subject.key).arg(message).arg(subject.limits.len());
        let item =
            subject.limits.iter().fold(item, |item, limit| item.arg(limit.window_ms).arg(limit.allowed));
        let (reached, next_attempt_ms): (usize, u64) = self.take.ask(item).await?;
        let limit = reached.checked_sub(1).and_then(|index| subject.limits.get(index));
        Ok(limit.map(|limit| (limit.name, next_attempt_ms)))
    }

    /// Those that have limits.
    fn subjects(&self, phone: &PhoneNumber, patient: PatientId, client: Option<&ClientId>) -> Vec<Subject> {
        let (keys, limits) = (self.queue.keys(), &self.allowed);
        let phones = self.phones.names(phone).into_iter();
        let phones = phones.map(|name| Subject::phone(keys.limit("phone", &name), limits));
        let patient = Subject::patient(keys.limit("patient", &patient.to_string()), limits);
        let client = client.map(|client| Subject::client(keys.limit("client", client.as_str()), limits));
        let total = Subject::total(keys.limit("total", "all"), limits);
        let all = phones.chain([patient]).chain(client).chain([total]);
        all.filter(|subject| !subject.limits.is_empty()).collect()
    }

    async fn record(&self, delivery: &Delivery) -> Result<Record, RedisError> {
        let key = self.queue.keys().job(delivery.partition, &delivery.message.job);
        let mut read = Cmd::new();
        read.arg("HMGET").arg(key).arg("client").arg("sends");
        let (client, sends): (Option<String>, Option<String>) = self.queue.redis().command(&read).await?;
        Ok(Record { client: client.and_then(|client| client.parse().ok()), sends: sends.unwrap_or_default() })
    }
}
