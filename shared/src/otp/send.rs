//! What sending needs of a code: it is *offered* before its message leaves and *activated* once a gateway took it.

use redis::Cmd;

use super::key::OtpKey;
use super::{Code, Codes};
use crate::ids::JobId;
use crate::phone::PhoneNumber;
use crate::redis::{Item, RedisError};

/// A code that may be sent now.
#[derive(Debug)]
pub struct Offered {
    /// The code.
    pub code: Code,
    record: String,
    /// The record under the older key, where this code is under the newest and keys rotate.
    older_record: Option<String>,
}

impl Codes {
    /// Makes the job's code checkable, beside the code before it. To be called before the message leaves. `None` where
    /// the code was used already: its message arrived, whatever became of the run that sent it.
    pub async fn offer(&self, phone: &PhoneNumber, job: &JobId) -> Result<Option<Offered>, RedisError> {
        let older = self.older_key_of(phone, job).await?;
        let key = older.unwrap_or(&self.key);
        let (code, record) = (key.code(job, self.length), self.record(key, phone));
        let item = Item::new().key(&record).key(self.used(key, phone, job));
        let offered: bool = self.scripts.offer.ask(item.arg(job).arg(key.hash(phone, job, &code))).await?;
        let other_key = self.older_key.as_ref().filter(|_| older.is_none());
        let older_record = other_key.map(|older| self.record(older, phone));
        Ok(offered.then_some(Offered { code, record, older_record }))
    }

    /// Makes an offered code the only one: a gateway took its message. `false` where a later job's code was offered
    /// meanwhile, which is then the one that counts, or where the code was used meanwhile.
    pub async fn activate(&self, offered: &Offered, job: &JobId) -> Result<bool, RedisError> {
        let active = self.scripts.activate.ask(Item::new().key(&offered.record).arg(job)).await?;
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
