//! A job and its legal states.

use std::str::FromStr;

use crate::domain::ids::{ClientId, JobId};
use crate::domain::outcome::next_attempt_of;

/// The state of a job. Only the queue's scripts change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Waiting in the stream, or held by a worker that has not begun to send.
    Queued,
    /// Scheduled for its next try.
    Scheduled,
    /// The send has begun: from here on another send counts against the limit of two.
    Sending,
    /// Ended with the SMS taken by the gateway.
    Processed,
    /// Ended without an SMS.
    Failed,
}

impl JobState {
    /// Every state, in the order a job may pass them.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Scheduled, Self::Sending, Self::Processed, Self::Failed];

    /// Its name in the job record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Scheduled => "scheduled",
            Self::Sending => "sending",
            Self::Processed => "processed",
            Self::Failed => "failed",
        }
    }

    /// An ended job never changes again.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Processed | Self::Failed)
    }
}

/// Not the name of a state.
#[derive(Debug, thiserror::Error)]
#[error("unknown job state")]
pub struct UnknownState;

impl FromStr for JobState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownState)
    }
}

/// A job as its record shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// The client that created it; no other client may read it.
    pub client: ClientId,
    /// Its state.
    pub state: JobState,
    /// Its predicted end, milliseconds since the epoch.
    pub eta_ms: u64,
    /// Redis' time of this read, milliseconds since the epoch.
    pub now_ms: u64,
    /// How it ended; `None` while it is live.
    pub end: Option<JobEnd>,
}

/// The end that *finish* wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEnd {
    /// HTTP status of the outcome.
    pub status_code: u16,
    /// When, milliseconds since the epoch by Redis' clock.
    pub ended_ms: u64,
    /// JSON: `response_data` of a processed job, `error` of a failed one.
    pub result: String,
}

impl JobEnd {
    /// When the next attempt is allowed, milliseconds since the epoch, if the job failed because of a limit.
    pub fn next_attempt_ms(&self) -> Option<u64> {
        #[derive(serde::Deserialize)]
        struct Error<'a> {
            message: std::borrow::Cow<'a, str>,
        }
        let error: Error<'_> =
            (self.status_code == 429).then(|| serde_json::from_str(&self.result).ok())??;
        next_attempt_of(&error.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_read_back_from_its_word() {
        for state in JobState::ALL {
            assert_eq!(state.as_str().parse::<JobState>().unwrap(), state);
        }
        assert!("done".parse::<JobState>().is_err());
    }

    #[test]
    fn two_states_are_ends() {
        let ends: Vec<_> = JobState::ALL.into_iter().filter(|state| state.has_ended()).collect();
        assert_eq!(ends, [JobState::Processed, JobState::Failed]);
    }
}
