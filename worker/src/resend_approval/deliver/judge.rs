//! The disposition of a job after each result of a submission.

use std::time::Duration;

use chrono::{DateTime, Utc};
use shared::domain::outcome::{Reason, Refusal};
use shared::telemetry::metric;

use crate::resend_approval::step_exit::StepExit;
use crate::sms::SubmitResult;

/// The wait given to a client if the OTP service names none: the cool-down between two messages here.
const USUAL_LIMIT: Duration = Duration::from_mins(1);

/// The longest wait that is accepted.
const LONGEST_LIMIT: Duration = Duration::from_hours(24);

/// What to do about a message that was not taken. `is_last`: the job may make no further hand-over if the outcome of
/// this one stays unknown.
pub(super) fn exit(result: &SubmitResult, is_last: bool) -> StepExit {
    let retry_after = result.retry_after();
    match result {
        SubmitResult::Indeterminate { silent } if is_last => {
            Refusal::DeliveryUnknown { silent: *silent }.into()
        }
        SubmitResult::Indeterminate { silent: true } => {
            StepExit::retry("gateway silent", None, Refusal::DeliveryUnknown { silent: true })
        }
        SubmitResult::Indeterminate { silent: false } => {
            StepExit::retry("gateway failed", None, Refusal::DeliveryUnknown { silent: false })
        }
        SubmitResult::Held { .. } => StepExit::retry("channel closed", retry_after, Refusal::UpstreamFailed),
        SubmitResult::Throttled { .. } => {
            StepExit::retry("gateway busy", retry_after, Refusal::UpstreamFailed)
        }
        SubmitResult::Deferred { .. } => {
            StepExit::retry("gateway out of service", retry_after, Refusal::UpstreamFailed)
        }
        SubmitResult::Unreachable => StepExit::retry("gateway unreachable", None, Refusal::UpstreamSilent),
        SubmitResult::Rejected | SubmitResult::ChannelUnavailable | SubmitResult::Accepted { .. } => {
            Refusal::UpstreamFailed.into()
        }
    }
}

/// The OTP service's own decisions. Its limit counts only as the first answer: after an earlier call with an unknown
/// outcome, that call's message may be the one that reached the limit.
pub(super) fn decided_by_service(
    result: &SubmitResult,
    is_service: bool,
    may_be_out: bool,
    now: DateTime<Utc>,
) -> Option<Refusal> {
    match result {
        _ if !is_service => None,
        SubmitResult::Throttled { .. } | SubmitResult::Rejected | SubmitResult::ChannelUnavailable
            if may_be_out =>
        {
            Some(Refusal::DeliveryUnknown { silent: false })
        }
        SubmitResult::Throttled { retry_after } => Some(limit_of_the_service(*retry_after, now)),
        _ => None,
    }
}

/// The service's own limit: until the time that it names, or for the usual wait if it names none.
fn limit_of_the_service(retry_after: Option<Duration>, now: DateTime<Utc>) -> Refusal {
    metrics::counter!(metric::LIMIT_HITS, "limit" => Reason::OtpServiceLimit.as_str()).increment(1);
    let next = now + retry_after.unwrap_or(USUAL_LIMIT).min(LONGEST_LIMIT);
    let next_attempt_ms = u64::try_from(next.timestamp_millis()).unwrap_or(0);
    Refusal::LimitReached { limit: Reason::OtpServiceLimit, next_attempt_ms }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resend_approval::step_exit::RetryScheduled;

    const FAILED: SubmitResult = SubmitResult::Indeterminate { silent: false };
    const SILENT: SubmitResult = SubmitResult::Indeterminate { silent: true };
    const SEVEN: Duration = Duration::from_secs(7);

    #[test]
    fn what_was_not_taken_is_tried_until_the_deadline_and_what_is_open_once_more() {
        let unknown = |silent| Refusal::DeliveryUnknown { silent };
        for (result, asked, otherwise) in [
            (SubmitResult::Throttled { retry_after: Some(SEVEN) }, Some(SEVEN), Refusal::UpstreamFailed),
            (SubmitResult::Held { retry_after: Some(SEVEN) }, Some(SEVEN), Refusal::UpstreamFailed),
            (SubmitResult::Deferred { retry_after: SEVEN }, Some(SEVEN), Refusal::UpstreamFailed),
            (SubmitResult::Unreachable, None, Refusal::UpstreamSilent),
            (FAILED, None, unknown(false)),
            (SILENT, None, unknown(true)),
        ] {
            let StepExit::Retry(RetryScheduled { asked: wait, otherwise: end, .. }) = exit(&result, false)
            else {
                panic!("{result:?} was decided")
            };
            assert_eq!((wait, end), (asked, otherwise), "{result:?}");
        }
        assert_eq!(exit(&FAILED, true), StepExit::Refused(unknown(false)));
        assert_eq!(exit(&SILENT, true), StepExit::Refused(unknown(true)));
    }

    #[test]
    fn a_refused_message_is_not_tried_again() {
        for result in [SubmitResult::Rejected, SubmitResult::ChannelUnavailable] {
            assert_eq!(exit(&result, false), StepExit::Refused(Refusal::UpstreamFailed));
        }
    }

    #[test]
    fn a_limit_of_the_otp_service_is_one_only_as_its_first_answer() {
        let limited = SubmitResult::Throttled { retry_after: Some(SEVEN) };
        let of = |result, may_be_out| decided_by_service(result, true, may_be_out, Utc::now());
        assert!(matches!(of(&limited, false), Some(Refusal::LimitReached { .. })));
        for result in [&limited, &SubmitResult::Rejected, &SubmitResult::ChannelUnavailable] {
            assert_eq!(of(result, true), Some(Refusal::DeliveryUnknown { silent: false }), "{result:?}");
        }
        assert_eq!(of(&SubmitResult::Rejected, false), None);
        assert_eq!(decided_by_service(&limited, false, true, Utc::now()), None);
    }
}
