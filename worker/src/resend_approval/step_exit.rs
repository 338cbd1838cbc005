//! The closed set of ways a job stops before its message is taken.

use std::time::Duration;

use shared::domain::outcome::Refusal;
use shared::queue::{JobDisposition, SendSettlement};
use shared::telemetry::LogThrottle;

use crate::retry;

/// Why a step stopped the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StepExit {
    /// Decided for good: no SMS.
    Refused(Refusal),
    /// Another try may succeed.
    Retry(RetryScheduled),
    /// Another worker has the job now, or it has ended.
    Lost,
}

/// Why a job stops, with details for the log and the doctor.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stopped {
    pub(crate) exit: StepExit,
    pub(crate) detail: Option<Box<str>>,
}

/// The age of a job, which decides the wait before its next try.
#[derive(Debug, Clone, Copy)]
pub(super) struct JobAge {
    /// Its age when it was last put into the stream, by Redis' clock alone.
    pub(super) age: Duration,
    /// The time left until its deadline then.
    pub(super) left: Duration,
    /// Whether it was retried or taken over before.
    pub(super) is_retry: bool,
}

/// A try that may be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RetryScheduled {
    /// What went wrong, for the log.
    pub(super) cause: &'static str,
    /// The wait an upstream service asked for.
    pub(super) asked: Option<Duration>,
    /// The outcome of its submits, if there is anything to record.
    pub(super) send: Option<SendSettlement>,
    /// The job's end if no time is left for another try.
    pub(super) otherwise: Refusal,
}

impl From<Refusal> for StepExit {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Refusal> for Stopped {
    fn from(refusal: Refusal) -> Self {
        Self { exit: refusal.into(), detail: None }
    }
}

impl StepExit {
    /// Another try, if this one handed no message over.
    pub(super) fn retry(cause: &'static str, asked: Option<Duration>, otherwise: Refusal) -> Self {
        Self::Retry(RetryScheduled { cause, asked, send: None, otherwise })
    }

    /// If an earlier try left it open whether the message was taken, `open_silent` says whether its gateway was silent.
    /// Such a job must not end as if nothing had been sent: neither because of an upstream that fails now, nor because
    /// of a limit that its own message may have reached.
    pub(super) fn after(self, open_silent: Option<bool>) -> Self {
        let Some(silent) = open_silent else { return self };
        let unknown = Refusal::DeliveryUnknown { silent };
        let is_trouble = |refusal: &Refusal| {
            matches!(
                refusal,
                Refusal::UpstreamFailed | Refusal::UpstreamSilent | Refusal::LimitReached { .. }
            )
        };
        match self {
            Self::Refused(refusal) if is_trouble(&refusal) => Self::Refused(unknown),
            Self::Retry(later) if is_trouble(&later.otherwise) => {
                Self::Retry(RetryScheduled { otherwise: unknown, ..later })
            }
            other => other,
        }
    }
}

impl RetryScheduled {
    /// Redis did not record what must be recorded before anything is sent.
    pub(super) fn not_stored(error: &dyn std::error::Error) -> Self {
        static THROTTLE: LogThrottle = LogThrottle::new();
        if let Some(suppressed) = THROTTLE.allow() {
            tracing::warn!(%error, suppressed, "Redis did not record the send: no message goes out, the job is tried again");
        }
        Self { cause: "redis away", asked: None, send: None, otherwise: Refusal::UpstreamSilent }
    }

    /// Schedules the job after a wait that depends on its age.
    pub(super) fn disposition(self, job: &JobAge) -> JobDisposition {
        let after = retry::wait(job.age, job.left, self.asked);
        let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        // The log has two lines about a retried job: the first retry, and its end.
        if job.is_retry {
            tracing::debug!(cause = self.cause, after_ms, "job will be tried again");
        } else {
            tracing::info!(cause = self.cause, after_ms, "job will be tried again");
        }
        JobDisposition::RetryLater { after, send: self.send, otherwise: self.otherwise }
    }
}

#[cfg(test)]
mod tests {
    use shared::domain::outcome::Reason;

    use super::*;

    #[test]
    fn a_job_is_put_back_with_what_is_to_be_recorded_and_how_it_ends_otherwise() {
        let job = JobAge { age: Duration::ZERO, left: Duration::from_mins(5), is_retry: false };
        let asked = Duration::from_secs(30);
        let StepExit::Retry(later) = StepExit::retry("busy", Some(asked), Refusal::UpstreamFailed) else {
            panic!("a retry")
        };
        let JobDisposition::RetryLater { after, send: None, otherwise } = later.disposition(&job) else {
            panic!("put back, with nothing to record")
        };
        assert_eq!(otherwise, Refusal::UpstreamFailed);
        assert!(after >= asked && after <= asked + Duration::from_secs(1), "{after:?}");
    }

    #[test]
    fn a_job_that_was_left_open_does_not_end_as_if_nothing_were_out() {
        let unknown = Refusal::DeliveryUnknown { silent: true };
        let limit = Refusal::LimitReached { limit: Reason::PhoneHour, next_attempt_ms: 1 };
        for refusal in [Refusal::UpstreamFailed, Refusal::UpstreamSilent, limit] {
            let exit = StepExit::retry("gateway silent", None, refusal.clone()).after(Some(true));
            assert_eq!(exit, StepExit::retry("gateway silent", None, unknown.clone()));
            assert_eq!(StepExit::Refused(refusal).after(Some(true)), StepExit::Refused(unknown.clone()));
        }
    }

    #[test]
    fn any_other_exit_stays_as_it_is_and_so_does_every_one_with_nothing_left_open() {
        let retry = |otherwise| StepExit::retry("gateway failed", None, otherwise);
        let unknown = Refusal::DeliveryUnknown { silent: true };
        for exit in [StepExit::Refused(Refusal::PersonNotFound), retry(unknown), StepExit::Lost] {
            assert_eq!(exit.clone().after(Some(false)), exit);
        }
        assert_eq!(retry(Refusal::UpstreamFailed).after(None), retry(Refusal::UpstreamFailed));
    }
}
