//! The sender's side of a code: it is offered with the permit to send, and *activated* with the end of its job once a
//! gateway took its message.

use super::{Code, Codes};
use crate::domain::ids::JobId;
use crate::domain::phone::PhoneNumber;
use crate::queue::TakenCode;

/// A code that may be sent now.
#[derive(Debug, Clone)]
pub struct OfferedCode {
    /// The code.
    pub code: Code,
    pub(crate) hash: String,
    /// The phone's record that holds it.
    pub(crate) record: String,
    /// The record under the older key, if this code is under the newest and keys are being rotated.
    pub(crate) older_record: Option<String>,
}

/// The code of a job under one key.
pub(crate) struct JobCode {
    pub(crate) code: Code,
    pub(crate) hash: String,
}

impl Codes {
    /// The code of this job under each key, the newest first. The permit to send decides which one is sent: a code that
    /// was offered before the keys were rotated stays the job's code.
    pub(crate) fn of_job(&self, phone: &PhoneNumber, job: &JobId) -> Vec<JobCode> {
        let made = self.keys.iter().map(|key| {
            let code = key.code(job, self.length);
            JobCode { hash: key.hash(phone, job, &code), code }
        });
        made.collect()
    }

    /// The code of a message that a gateway took, for the end of its job.
    pub fn taken(&self, offered: &OfferedCode) -> TakenCode {
        let records = std::iter::once(&offered.record).chain(&offered.older_record).cloned().collect();
        TakenCode { records, hash: offered.hash.clone(), life_ms: self.life_ms }
    }
}
