//! The closed set of ways a job stops before its message is taken.

use std::time::Duration;

use chrono::{DateTime, Utc};
use shared::domain::outcome::Refusal;
use shared::queue::{Delivery, JobDisposition, SendSettlement};
use shared::telemetry::LogThrottle;

use crate::retry;

/// Why the straight line was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StepExit {
    /// Decided for good: no SMS.
    Refused(Refusal),
    /// Another try can cure it.
    Retry(RetryScheduled),
    /// The job is somebody else's now, or ended.
    Lost,
}

/// What is known about a try that may be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RetryScheduled {
    /// What went wrong, for the log.
    pub(super) cause: &'static str,
    /// The wait an upstream service asked for.
    pub(super) asked: Option<Duration>,
    /// No message of this try can have been taken.
    pub(super) unsent: bool,
    /// What its hand-overs came to, where there is anything to write.
    pub(super) send: Option<SendSettlement>,
    /// How the job ends where no time is left for another try.
    pub(super) otherwise: Refusal,
}

impl From<Refusal> for StepExit {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl StepExit {
    /// Redis did not record what must be recorded before anything is sent.
    pub(super) fn not_stored(error: &dyn std::error::Error) -> Self {
        static THROTTLE: LogThrottle = LogThrottle::new();
        if let Some(suppressed) = THROTTLE.allow() {
            tracing::warn!(%error, suppressed, "nothing is sent while Redis does not record it");
        }
        let (cause, otherwise) = ("redis away", Refusal::UpstreamSilent);
        Self::Retry(RetryScheduled { cause, asked: None, unsent: true, send: None, otherwise })
    }

    /// Whether no message of this try can have been sent.
    pub(super) fn is_unsent(&self) -> bool {
        match self {
            Self::Refused(refusal) => {
                matches!(refusal, Refusal::UpstreamFailed | Refusal::LimitReached { .. })
            }
            Self::Retry(later) => later.unsent,
            Self::Lost => false,
        }
    }
}

impl RetryScheduled {
    /// A wait by the job's age; the clocks of Redis and this machine may differ, which only makes it shorter or longer.
    pub(super) fn verdict(self, delivery: &Delivery, now: DateTime<Utc>) -> JobDisposition {
        let now_ms = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        let age = Duration::from_millis(now_ms.saturating_sub(delivery.accepted_ms));
        let after = retry::wait(age, self.asked);
        let (cause, unsent, after_ms) =
            (self.cause, self.unsent, u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        tracing::info!(cause, unsent, after_ms, "job to be tried again");
        JobDisposition::RetryLater { after, send: self.send, otherwise: self.otherwise }
    }
}

#[cfg(test)]
mod tests {
    use shared::domain::outcome::Reason;

    use super::*;

    /// What may have been sent is counted against its limits for good.
    #[test]
    fn only_what_cannot_have_been_sent_is_unsent() {
        let retry = |unsent| {
            let (cause, otherwise) = ("gateway silent", Refusal::UpstreamSilent);
            StepExit::Retry(RetryScheduled { cause, asked: None, unsent, send: None, otherwise })
        };
        let limit = Refusal::LimitReached { limit: Reason::PhoneHour, next_attempt_ms: 1 };
        for (exit, expected) in [
            (StepExit::Refused(Refusal::UpstreamFailed), true),
            (StepExit::Refused(limit), true),
            (StepExit::Refused(Refusal::UpstreamSilent), false),
            (StepExit::Refused(Refusal::DeliveryUnknown { silent: true }), false),
            (retry(true), true),
            (retry(false), false),
            (StepExit::Lost, false),
        ] {
            assert_eq!(exit.is_unsent(), expected, "{exit:?}");
        }
    }
}
