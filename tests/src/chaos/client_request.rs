//! A client's requests and the answers it got.

use std::time::Duration;

use serde::Deserialize;
use uuid::Uuid;

/// A patient with an open approval, as created by the sandbox.
#[derive(Debug, Clone, Deserialize)]
pub struct Person {
    /// The patient.
    pub patient_id: Uuid,
    /// The approval.
    pub approval_id: Uuid,
    /// The phone.
    pub phone: String,
}

/// What one client wants, with one idempotency key.
#[derive(Debug, Clone)]
pub struct ClientRequest {
    /// The patient.
    pub person: Person,
    /// The idempotency key of every attempt.
    pub key: String,
    /// Every attempt.
    pub attempts: Vec<Attempt>,
}

/// One attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// When it was sent, milliseconds since the epoch.
    pub at_ms: i64,
    /// Time until the answer, or until it was clear that there is none.
    pub took: Duration,
    /// The answer.
    pub told: ClientAnswer,
}

/// The answer to one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientAnswer {
    /// 202: the job.
    Accepted {
        /// Its id.
        job: String,
        /// Its link.
        href: String,
    },
    /// Any other status.
    Status {
        /// The status.
        status: u16,
        /// `Retry-After`, seconds.
        retry_after: Option<u64>,
    },
    /// The port is closed.
    Unreached,
    /// The connection broke, or no answer came.
    Broken,
}

impl ClientRequest {
    /// The job that it was promised, if any.
    pub fn job(&self) -> Option<&str> {
        self.attempts.iter().find_map(|attempt| match &attempt.told {
            ClientAnswer::Accepted { job, .. } => Some(job.as_str()),
            _ => None,
        })
    }

    /// Every job that it was ever promised, which should be one.
    pub fn jobs(&self) -> impl Iterator<Item = &str> {
        self.attempts.iter().filter_map(|attempt| match &attempt.told {
            ClientAnswer::Accepted { job, .. } => Some(job.as_str()),
            _ => None,
        })
    }
}
