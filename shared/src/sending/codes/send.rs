//! What sending needs of a code: it is *offered* before its message leaves and *activated* once a gateway took it.

use redis::Cmd;

use super::key::OtpKey;
use super::{Code, Codes};
use crate::domain::ids::JobId;
use crate::domain::phone::PhoneNumber;
use crate::redis::{RedisError, ScriptArgs};

/// A code that may be sent now.
#[derive(Debug)]
pub struct Offered {
    /// The code.
    pub code: Code,
    record: String,
    /// The record under the older key, where this code is under the newest and keys rotate.
    older_record: Option<String>,
}

/// A code with what offering it takes.
pub(crate) struct Prepared {
    /// What it is once it was offered.
    pub(crate) offered: Offered,
    /// Mark that the job's code was used.
    pub(crate) used: String,
    pub(crate) hash: String,
    pub(crate) life_ms: u64,
}

impl Codes {
    /// Makes the job's code checkable, beside the code before it. To be called before the message leaves. `None` where
    /// the code was used already: its message arrived, whatever became of the run that sent it.
    pub async fn offer(&self, phone: &PhoneNumber, job: &JobId) -> Result<Option<Offered>, RedisError> {
        let code = self.prepare(phone, job).await?;
        let mut call = self.scripts.offer.key(code.record());
        call.key(&code.used).arg(job.as_str()).arg(&code.hash).arg(code.life_ms);
        let is_offered: bool = self.queue.redis().script(&call).await?;
        Ok(is_offered.then_some(code.offered))
    }

    /// The job's code, to be offered by who knows how.
    pub(crate) async fn prepare(&self, phone: &PhoneNumber, job: &JobId) -> Result<Prepared, RedisError> {
        let older = self.older_key_of(phone, job).await?;
        let key = older.unwrap_or(&self.key);
        let (code, record) = (key.code(job, self.length), self.record(key, phone));
        let (used, hash) = (self.used(key, phone, job), key.hash(phone, job, &code));
        let other_key = self.older_key.as_ref().filter(|_| older.is_none());
        let older_record = other_key.map(|older| self.record(older, phone));
        Ok(Prepared { offered: Offered { code, record, older_record }, used, hash, life_ms: self.life_ms })
    }

    /// Makes an offered code the only one: a gateway took its message. `false` where a later job's code was offered
    /// meanwhile, which is then the one that counts, or where the code was used meanwhile.
    pub async fn activate(&self, offered: &Offered, job: &JobId) -> Result<bool, RedisError> {
        let active = self.scripts.activate.ask(ScriptArgs::new().key(&offered.record).arg(job)).await?;
        if let Some(older) = offered.older_record.as_ref().filter(|_| active) {
            let mut retire = Cmd::new();
            retire.arg("HDEL").arg(older).arg("job").arg("hash").arg("expires");
            self.queue.redis().command::<u64>(&retire).await?;
        }
        Ok(active)
    }

    /// The older key, where the job's code was offered or used under it before the keys were rotated: a second message
    /// of a job must not bring another code.
    async fn older_key_of(&self, phone: &PhoneNumber, job: &JobId) -> Result<Option<&OtpKey>, RedisError> {
        let Some(older) = &self.older_key else { return Ok(None) };
        let mut look = redis::pipe();
        look.cmd("HMGET").arg(self.record(older, phone)).arg("job").arg("next_job");
        look.cmd("EXISTS").arg(self.used(older, phone, job));
        let (jobs, used): (Vec<Option<String>>, bool) = self.queue.redis().pipeline(&look).await?;
        let known = used || jobs.iter().flatten().any(|known| known == job.as_str());
        Ok(known.then_some(older))
    }
}

impl Prepared {
    /// The phone's record.
    pub(crate) fn record(&self) -> &str {
        &self.offered.record
    }
}
