//! How answers of Twilio are interpreted. Codes from twilio.com/docs/api/errors, the judgement is ours.

use serde::Deserialize;

use crate::sms::{Cause, Submission, SubmitResult, plain_id};
use crate::upstream::Answer;

/// A created message.
#[derive(Deserialize)]
struct Made {
    sid: Option<String>,
    error_code: Option<i64>,
}

/// A refused request.
#[derive(Deserialize)]
struct Refused {
    code: i64,
}

pub(super) fn read(answer: &Answer) -> Submission {
    if let Some(submission) = Submission::of_status(answer) {
        return submission;
    }
    if answer.status.is_success() {
        return made(answer);
    }
    let (status, code) = (answer.status.as_u16(), answer.json::<Refused>().map(|refused| refused.code));
    tracing::warn!(status, code, "Twilio refused the message");
    match code {
        Some(code) => Submission::new(refusal(code), Cause::Code(code)),
        None => Submission::new(SubmitResult::ChannelUnavailable, Cause::Status(status)),
    }
}

/// A message may be created and fail at once. Without its description nobody knows whether it was created at all.
fn made(answer: &Answer) -> Submission {
    match answer.json::<Made>() {
        Some(Made { error_code: Some(code), .. }) => Submission::new(refusal(code), Cause::Code(code)),
        Some(Made { sid, .. }) => SubmitResult::Accepted { message_id: sid.map(|sid| plain_id(&sid)) }.into(),
        None => Submission::new(SubmitResult::Indeterminate { silent: false }, Cause::Unreadable),
    }
}

fn refusal(code: i64) -> SubmitResult {
    match code {
        // Too many requests, a full queue.
        20_429 | 21_611 | 30_001 => SubmitResult::Throttled { retry_after: None },
        // Not a number, unsubscribed, not a mobile; blocked, unknown, a landline, filtered.
        21_211 | 21_610 | 21_614 | 30_004..=30_007 => SubmitResult::Rejected,
        // Out of reach, or an unknown reason: it was on its way.
        30_003 | 30_008 => SubmitResult::Indeterminate { silent: false },
        // 20003 credentials, 21408 region not enabled, 21606 sender, and every other refusal of the request.
        _ => SubmitResult::ChannelUnavailable,
    }
}
