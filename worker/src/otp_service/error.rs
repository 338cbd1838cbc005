//! How answers of the OTP service are interpreted (section 8 of the contract). It sends the SMS during the call, so
//! after every 5xx, with or without `Retry-After`, a message may be out.

use serde::Deserialize;

use crate::sms::{Cause, Submission, SubmitResult, plain_id};
use crate::upstream::Answer;

const MAY_BE_OUT: SubmitResult = SubmitResult::Indeterminate { silent: false };

#[derive(Deserialize)]
struct Started {
    data: Verification,
}

#[derive(Deserialize)]
struct Verification {
    id: String,
}

pub(super) fn read(answer: &Answer) -> Submission {
    let status = answer.status.as_u16();
    let result = match status {
        200..=299 => match answer.json() {
            Some(Started { data }) => {
                return SubmitResult::Accepted { message_id: Some(plain_id(&data.id)) }.into();
            }
            // A proxy's page, or an incomplete answer.
            None => return Submission::new(MAY_BE_OUT, Cause::Unreadable),
        },
        429 => SubmitResult::Throttled { retry_after: answer.retry_after },
        500.. => MAY_BE_OUT,
        401 | 403 => SubmitResult::ChannelUnavailable,
        _ => {
            tracing::warn!(status, "the OTP service refused the request");
            SubmitResult::Rejected
        }
    };
    Submission::new(result, Cause::Status(status))
}
