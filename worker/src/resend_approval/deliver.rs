//! Step 6: the code and the message; and what a job's future is after each way a submission can go.

use std::time::Duration;

use chrono::{DateTime, Utc};
use shared::domain::message::Message;
use shared::domain::outcome::{Reason, Refusal};
use shared::domain::phone::PhoneNumber;
use shared::runtime::fail_point;
use shared::sending::codes::{Codes, OfferedCode};
use shared::sending::permit::SendPermit;
use shared::telemetry::span::{self, Span};
use shared::telemetry::{LogThrottle, metric};
use tokio::time::timeout;

use super::step_exit::{RetryScheduled, StepExit};
use crate::code_sender::CodeSender;
use crate::context::Context;
use crate::sms::{Order, SendHistory, Slot, Sms, SubmitResult};
use crate::upstream::Origin;

/// Longest a run spends on making a sent code the only one. Nothing may come between a message that was taken and the
/// record of it: a run that is cut off there sends again.
const ACTIVATION_LIMIT: Duration = Duration::from_secs(1);

/// What a client is told to wait where the OTP service does not say: the cool-down between two messages here.
const USUAL_LIMIT: Duration = Duration::from_mins(1);

/// The longest wait believed.
const LONGEST_LIMIT: Duration = Duration::from_hours(24);

/// Has the code sent, once.
pub(super) async fn send_code(
    job: &Message,
    phone: &PhoneNumber,
    turn: &Slot,
    permit: &SendPermit,
    context: &Context,
) -> Result<(), StepExit> {
    match &context.sender {
        CodeSender::Local { codes, sms } => send_our_code(job, phone, turn, permit, codes, sms).await,
        CodeSender::Service(service) => {
            fail_point::hit(fail_point::BEFORE_SUBMIT, &job.job).await;
            still_may_submit(permit)?;
            let started = service.start(phone, Origin::from(job), &SendHistory::NONE).await;
            fail_point::hit(fail_point::AFTER_SUBMIT, &job.job).await;
            if let SubmitResult::Throttled { retry_after } = started {
                return Err(limit_of_the_service(retry_after, (context.clock)()));
            }
            accept(started)
        }
    }
}

/// Sends the job's code. It can be checked before it leaves; the code before it dies once a gateway took this one.
async fn send_our_code(
    job: &Message,
    phone: &PhoneNumber,
    turn: &Slot,
    permit: &SendPermit,
    codes: &Codes,
    sms: &Sms,
) -> Result<(), StepExit> {
    let Some(offered) = &permit.offered else {
        tracing::info!("the code was used already: an earlier run's message arrived");
        return Ok(());
    };
    fail_point::hit(fail_point::BEFORE_SUBMIT, &job.job).await;
    still_may_submit(permit)?;
    let span = Span::step(span::SUBMIT_SMS, job.trace.as_ref());
    let trace = span.or(job.trace.as_ref());
    let origin = Origin { request: &job.request, trace: trace.as_ref() };
    let order = Order {
        to: phone,
        code: &offered.code,
        reference: &job.job,
        origin,
        history: SendHistory::NONE,
        may_submit: &|| permit.may_submit(),
    };
    let submission = sms.send(order, turn).await.result;
    span.result(submission.label());
    span.end();
    fail_point::hit(fail_point::AFTER_SUBMIT, &job.job).await;
    accept(submission)?;
    activate(offered, job, codes).await;
    Ok(())
}

/// A run that stood still since leave was given, or is short of the deadline, begins no submit.
fn still_may_submit(permit: &SendPermit) -> Result<(), StepExit> {
    if permit.may_submit() {
        return Ok(());
    }
    let (cause, otherwise) = ("leave to send is over", Refusal::UpstreamSilent);
    Err(StepExit::Retry(RetryScheduled { cause, asked: None, unsent: true, send: None, otherwise }))
}

/// The service's own limit, which it names no end of unless asked to.
fn limit_of_the_service(retry_after: Option<Duration>, now: DateTime<Utc>) -> StepExit {
    metrics::counter!(metric::LIMIT_HITS, "limit" => Reason::OtpServiceLimit.as_str()).increment(1);
    let next = now + retry_after.unwrap_or(USUAL_LIMIT).min(LONGEST_LIMIT);
    let next_attempt_ms = u64::try_from(next.timestamp_millis()).unwrap_or(0);
    Refusal::LimitReached { limit: Reason::OtpServiceLimit, next_attempt_ms }.into()
}

/// Whether the message was taken, else what to do about it.
fn accept(submission: SubmitResult) -> Result<(), StepExit> {
    let (cause, asked, unsent, otherwise) = match submission {
        SubmitResult::Accepted { message_id } => {
            tracing::info!(message_id, "the gateway took the message");
            return Ok(());
        }
        SubmitResult::Rejected | SubmitResult::ChannelUnavailable => {
            return Err(Refusal::UpstreamFailed.into());
        }
        SubmitResult::Held { retry_after } | SubmitResult::Throttled { retry_after } => {
            ("gateway busy", retry_after, true, Refusal::UpstreamFailed)
        }
        SubmitResult::Deferred { retry_after } => {
            ("gateway busy", Some(retry_after), true, Refusal::UpstreamFailed)
        }
        SubmitResult::Unreachable => ("gateway unreachable", None, true, Refusal::UpstreamSilent),
        SubmitResult::Indeterminate { silent: false } => {
            ("gateway failed", None, false, Refusal::UpstreamFailed)
        }
        SubmitResult::Indeterminate { silent: true } => {
            ("gateway silent", None, false, Refusal::UpstreamSilent)
        }
    };
    Err(StepExit::Retry(RetryScheduled { cause, asked, unsent, send: None, otherwise }))
}

/// The message is out, so the job is done whatever happens here; a check accepts the code without it, too.
async fn activate(offered: &OfferedCode, job: &Message, codes: &Codes) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    let error = match timeout(ACTIVATION_LIMIT, codes.activate(offered, &job.job)).await {
        Ok(Ok(true)) => return,
        Ok(Ok(false)) => return tracing::info!("the code was used already"),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "redis is slow".to_owned(),
    };
    if let Some(suppressed) = THROTTLE.allow() {
        tracing::error!(error, suppressed, "the code before the one just sent stays valid");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_was_taken_is_the_end() {
        assert_eq!(accept(SubmitResult::Accepted { message_id: None }), Ok(()));
    }

    #[test]
    fn a_refused_message_is_not_tried_again() {
        assert_eq!(accept(SubmitResult::Rejected), Err(StepExit::Refused(Refusal::UpstreamFailed)));
    }

    #[test]
    fn only_a_message_that_cannot_have_been_taken_is_not_counted() {
        let retry_after = Some(Duration::from_secs(7));
        for (submission, asked, unsent, otherwise) in [
            (SubmitResult::Throttled { retry_after }, retry_after, true, Refusal::UpstreamFailed),
            (SubmitResult::Unreachable, None, true, Refusal::UpstreamSilent),
            (SubmitResult::Indeterminate { silent: false }, None, false, Refusal::UpstreamFailed),
            (SubmitResult::Indeterminate { silent: true }, None, false, Refusal::UpstreamSilent),
        ] {
            let Err(StepExit::Retry(later)) = accept(submission.clone()) else {
                panic!("{submission:?} was decided")
            };
            assert_eq!(
                (later.asked, later.unsent, later.otherwise),
                (asked, unsent, otherwise),
                "{submission:?}"
            );
        }
    }
}
