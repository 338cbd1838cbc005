//! Limits on messages to a phone, for a patient, of a client and of the whole fleet (`RESEND_LIMIT_PER_*`,
//! `RESEND_LIMIT_TOTAL_MINUTE`), shared by all workers through Redis. Those per approval are the queue's.
//!
//! A message is checked against all its subjects and counted to all of them, or to none: in one step of the queue's
//! where one server holds everything ([`crate::sending::guard`]). In a cluster subjects live on several servers, and there each is
//! checked and counted in a step of its own, at once: where one refuses, what the others counted is given back. In
//! between another message may be refused that would have fitted; never is one let through that does not.

mod phone_names;
mod rate_limiter;
mod subject;

use futures_util::future::join_all;
use redis::{Cmd, Script};

pub use phone_names::PhoneNames;
pub use rate_limiter::{RateLimiter, Slot};
pub(crate) use subject::{Limit, LimitKey};

use crate::domain::ids::{ClientId, PatientId};
use crate::domain::outcome::Reason;
use crate::domain::phone::PhoneNumber;
use crate::queue::{Delivery, Queue};
use crate::redis::{RedisError, ScriptArgs};
use crate::settings::MessageLimits;

/// The script of one subject.
const TAKE: &str = concat!(
    include_str!("../redis/scripts/prelude.lua"),
    include_str!("limits/scripts/limits.lua"),
    include_str!("limits/scripts/take.lua")
);

/// Counts messages and says when there are enough.
pub(crate) struct Limits {
    queue: Queue,
    allowed: MessageLimits,
    phones: PhoneNames,
    take: Script,
}

/// What a client has limits on, whoever it is.
pub(crate) struct ClientLimits {
    /// What goes before and after its name in its key.
    pub(crate) key: (String, &'static str),
    pub(crate) limits: Vec<Limit>,
}

/// Whether a message fits into its limits.
#[derive(Debug)]
pub(crate) enum LimitDecision {
    /// It does, and is counted.
    Reserved(QuotaReservation),
    /// It does not, and is not counted.
    Refused(LimitExceeded),
}

/// A limit that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitExceeded {
    /// Its reason, which also is its label in metrics.
    pub limit: Reason,
    /// When it lets the next message through, milliseconds since the epoch by Redis' clock.
    pub next_attempt_ms: u64,
}

/// A message that was counted, so that it can be given back where it certainly was not sent.
#[derive(Debug)]
pub struct QuotaReservation {
    pub(crate) message: String,
    /// Keys of what it was counted to.
    pub(crate) subjects: Vec<String>,
}

/// What the job's record says.
struct Record {
    client: Option<ClientId>,
    /// Sends begun before this one.
    sends: u64,
}

impl Limits {
    /// Limits as the settings have them, counted in the queue's Redis.
    pub(crate) fn new(allowed: MessageLimits, phones: PhoneNames, queue: Queue) -> Self {
        Self { queue, allowed, phones, take: Script::new(TAKE) }
    }

    /// Counts the message this delivery is about to send, unless there are enough; a step for each subject. The second
    /// message of a job costs as much as the first, and counts as much; asked again for the same message, it is counted
    /// once.
    pub(crate) async fn take(
        &self,
        delivery: &Delivery,
        phone: &PhoneNumber,
    ) -> Result<LimitDecision, RedisError> {
        let record = self.record(delivery).await?;
        let message = format!("{}:{}", delivery.message.job, record.sends);
        let mut subjects = self.subjects(phone, delivery.message.patient);
        subjects.extend(record.client.and_then(|client| self.client().subject(client.as_str())));
        let answers = join_all(subjects.iter().map(|subject| self.count(subject, &message))).await;
        // Where one failed, what others counted stays so until its window ends: rather too much than too little.
        let answers = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
        let latest = answers.iter().flatten().max_by_key(|reached| reached.next_attempt_ms).copied();
        let counted = subjects.into_iter().zip(&answers).filter(|(_, refused)| refused.is_none());
        let counted =
            QuotaReservation { message, subjects: counted.map(|(subject, _)| subject.key).collect() };
        match latest {
            None => Ok(LimitDecision::Reserved(counted)),
            Some(reached) => {
                self.refund(&counted).await?;
                Ok(LimitDecision::Refused(reached))
            }
        }
    }

    /// Takes a count back: the message certainly was not sent.
    pub(crate) async fn refund(&self, counted: &QuotaReservation) -> Result<(), RedisError> {
        for subject in &counted.subjects {
            let mut remove = Cmd::new();
            remove.arg("ZREM").arg(subject).arg(&counted.message);
            self.queue.redis().command::<u64>(&remove).await?;
        }
        Ok(())
    }

    /// What a message is counted to beside its client, as far as there are limits.
    pub(crate) fn subjects(&self, phone: &PhoneNumber, patient: PatientId) -> Vec<LimitKey> {
        let (keys, limits) = (self.queue.keys(), &self.allowed);
        let phones = self.phones.names(phone).into_iter();
        let phones = phones.map(|name| LimitKey::phone(keys.limit("phone", &name), limits));
        let patient = LimitKey::patient(keys.limit("patient", &patient.to_string()), limits);
        let total = LimitKey::total(keys.limit("total", "all"), limits);
        let all = phones.chain([patient, total]);
        all.filter(|subject| !subject.limits.is_empty()).collect()
    }

    /// What any client has limits on.
    pub(crate) fn client(&self) -> ClientLimits {
        let key = self.queue.keys().limit_parts("client");
        ClientLimits { key, limits: LimitKey::client(String::new(), &self.allowed).limits }
    }

    async fn count(&self, subject: &LimitKey, message: &str) -> Result<Option<LimitExceeded>, RedisError> {
        let mut call = self.take.key(&subject.key);
        call.arg(message).arg(subject.limits.len());
        subject.limits.iter().for_each(|limit| _ = call.arg(limit.window_ms).arg(limit.allowed));
        let (number, next_attempt_ms): (usize, u64) = self.queue.redis().script_confirmed(&call).await?;
        Ok(subject.reached(number, next_attempt_ms))
    }

    async fn record(&self, delivery: &Delivery) -> Result<Record, RedisError> {
        let key = self.queue.keys().job(&delivery.message.job);
        let mut read = Cmd::new();
        read.arg("HMGET").arg(key).arg("client").arg("sends").arg("begun");
        let (client, sends, begun): (Option<String>, Option<u64>, Option<String>) =
            self.queue.redis().command(&read).await?;
        // Asked again, where this delivery has leave already: the send that was begun is this one.
        let is_begun = begun.is_some_and(|begun| begun == format!("{}:{}", delivery.entry, delivery.number));
        let sends = sends.unwrap_or_default().saturating_sub(u64::from(is_begun));
        Ok(Record { client: client.and_then(|client| client.parse().ok()), sends })
    }
}

impl ClientLimits {
    /// The arguments of a script that learns the client itself.
    pub(crate) fn after(&self, item: ScriptArgs) -> ScriptArgs {
        let item = item.arg(self.limits.len());
        if self.limits.is_empty() {
            return item;
        }
        let (before, after) = &self.key;
        self.limits.iter().fold(item.arg(before).arg(after), |item, limit| limit.after(item))
    }

    /// Those of this client; nothing where there are none.
    pub(crate) fn subject(self, client: &str) -> Option<LimitKey> {
        let (before, after) = self.key;
        let key = format!("{before}{client}{after}");
        Some(LimitKey { key, limits: self.limits }).filter(|subject| !subject.limits.is_empty())
    }
}
