//! What a client asked for and what it was told, each time.

use std::time::Duration;

use serde::Deserialize;
use uuid::Uuid;

/// A patient with an open approval, as the sandbox makes them.
#[derive(Debug, Clone, Deserialize)]
pub struct Person {
    /// The patient.
    pub patient_id: Uuid,
    /// The approval.
    pub approval_id: Uuid,
    /// Where the code goes.
    pub phone: String,
}

/// One wish of one client, under one idempotency key.
#[derive(Debug, Clone)]
pub struct ClientRequest {
    /// Whose approval.
    pub person: Person,
    /// The idempotency key of every attempt.
    pub key: String,
    /// Each time it was asked.
    pub attempts: Vec<Attempt>,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// When it left, milliseconds since the epoch.
    pub at_ms: i64,
    /// Until the answer, or until it was clear that there is none.
    pub took: Duration,
    /// What came.
    pub told: ClientAnswer,
}

/// The answer to one request.
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
    /// Nobody listens there.
    Unreached,
    /// The connection broke or was silent.
    Broken,
}

impl ClientRequest {
    /// The job it was promised, if it was promised one.
    pub fn job(&self) -> Option<&str> {
        self.attempts.iter().find_map(|attempt| match &attempt.told {
            ClientAnswer::Accepted { job, .. } => Some(job.as_str()),
            _ => None,
        })
    }

    /// Every job it was ever told of, which should be one.
    pub fn jobs(&self) -> impl Iterator<Item = &str> {
        self.attempts.iter().filter_map(|attempt| match &attempt.told {
            ClientAnswer::Accepted { job, .. } => Some(job.as_str()),
            _ => None,
        })
    }
}
