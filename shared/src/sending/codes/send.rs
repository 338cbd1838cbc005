//! The sender's side of a code: it is offered with the permit to send, and *activated* with the end of its job once a
//! gateway took its message.

use std::time::Duration;

use super::{Code, Codes};
use crate::domain::clock::millis;
use crate::domain::ids::JobId;
use crate::domain::phone::PhoneNumber;
use crate::queue::TakenCode;

/// A code that may be sent now.
#[derive(Debug, Clone)]
pub struct OfferedCode {
    /// The code.
    pub code: Code,
    /// The phone's records: one for each key, as this code replaces others under all of them.
    pub(crate) records: Vec<String>,
    /// When it was offered by Redis' clock, milliseconds since the epoch.
    pub(crate) offered_ms: u64,
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
}

impl OfferedCode {
    /// When it was offered by Redis' clock, milliseconds since the epoch.
    pub fn offered_ms(&self) -> u64 {
        self.offered_ms
    }

    /// A gateway took its message this long after the offer; for the end of its job.
    pub fn taken_after(&self, time: Duration) -> TakenCode {
        let Self { ref records, offered_ms, .. } = *self;
        TakenCode { records: records.clone(), offered_ms, taken_ms: offered_ms + millis(time) }
    }
}
