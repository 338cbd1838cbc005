//! Codes made here. None is stored: every try of a job derives the same one again. For checking, a record per phone
//! holds keyed hashes of two codes:
//!
//! | fields | whose code | set by |
//! |---|---|---|
//! | `job`, `hash`, `expires` | the last message a gateway took | *activate* |
//! | `next_job`, `next_hash`, `next_expires` | the message now on its way | *offer* |
//! | `guesses` | – | the check, alone: no resend takes a guess back |
//!
//! A check accepts either code until its `expires` (ms since the epoch, by Redis' clock): the one before stays good
//! until a gateway took the new one, and the new one is good as soon as it can arrive, also where nobody learns whether
//! it was taken. The record outlives its codes by one life, so that a late code is told from a wrong one.

use redis::{Cmd, Script};
use shared::ids::JobId;
use shared::phone::PhoneNumber;
use shared::queue::Queue;
use shared::redis::RedisError;

use super::Code;
use super::key::OtpKey;
use crate::config::OtpConfig;

/// Makes codes and keeps what checking them needs.
pub struct LocalCodes {
    queue: Queue,
    key: OtpKey,
    older_key: Option<OtpKey>,
    length: u8,
    life_ms: u64,
    offer: Script,
    activate: Script,
}

/// A code that may be sent now.
#[derive(Debug)]
pub struct Offered {
    /// The code.
    pub code: Code,
    record: String,
}

impl LocalCodes {
    /// Codes as the settings have them, records in the queue's Redis.
    pub fn new(config: &OtpConfig, queue: Queue) -> Self {
        Self {
            queue,
            key: OtpKey::new(&config.key),
            older_key: config.older_key.as_ref().map(OtpKey::new),
            length: config.length,
            life_ms: u64::try_from(config.life.as_millis()).unwrap_or(u64::MAX),
            offer: Script::new(include_str!("scripts/offer.lua")),
            activate: Script::new(include_str!("scripts/activate.lua")),
        }
    }

    /// Makes the job's code checkable, beside the code before it. To be called before the message leaves.
    pub async fn offer(&self, phone: &PhoneNumber, job: &JobId) -> Result<Offered, RedisError> {
        let key = self.key_of(phone, job).await?;
        let (code, record) = (key.code(job, self.length), self.record(key, phone));
        let mut call = self.offer.key(&record);
        call.arg(job.as_str()).arg(key.hash(phone, job, &code)).arg(self.life_ms);
        self.queue.redis().script::<()>(&call).await?;
        Ok(Offered { code, record })
    }

    /// Makes an offered code the only one: a gateway took its message. `false` where a later job's code was offered
    /// meanwhile, which is then the one that counts.
    pub async fn activate(&self, offered: &Offered, job: &JobId) -> Result<bool, RedisError> {
        let mut call = self.activate.key(&offered.record);
        call.arg(job.as_str()).arg(self.life_ms);
        self.queue.redis().script(&call).await
    }

    /// The newest key, unless the job's code was offered under an older one before the keys were rotated: a second
    /// message of a job must not bring another code.
    async fn key_of(&self, phone: &PhoneNumber, job: &JobId) -> Result<&OtpKey, RedisError> {
        let Some(older) = &self.older_key else { return Ok(&self.key) };
        let mut jobs = Cmd::new();
        jobs.arg("HMGET").arg(self.record(older, phone)).arg("job").arg("next_job");
        let jobs: Vec<Option<String>> = self.queue.redis().command(&jobs).await?;
        let known = jobs.iter().flatten().any(|known| known == job.as_str());
        Ok(if known { older } else { &self.key })
    }

    fn record(&self, key: &OtpKey, phone: &PhoneNumber) -> String {
        self.queue.keys().otp(&key.name(phone))
    }
}

#[cfg(test)]
mod tests;
