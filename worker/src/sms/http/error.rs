//! How answers of the generic gateway are interpreted (section 8 of the contract).
//!
//! | answer | meaning |
//! |---|---|
//! | 2xx with JSON or nothing | taken |
//! | 429 | certainly not taken |
//! | 503 with `Retry-After` | believed not taken |
//! | other 5xx; 2xx that cannot be read | may have been taken |
//! | 401, 402, 403 | the account: the gateway takes nothing until somebody acts |
//! | other 4xx, 3xx | refused for good |

use serde_json::Value;

use crate::sms::{Cause, Submission, SubmitResult, plain_id};
use crate::upstream::Answer;

pub(super) fn read(answer: &Answer) -> Submission {
    if let Some(submission) = Submission::of_status(answer) {
        return submission;
    }
    let cause = Cause::Status(answer.status.as_u16());
    match answer.status.as_u16() {
        200..=299 => taken(answer),
        401..=403 => Submission::new(SubmitResult::ChannelUnavailable, cause),
        status => {
            tracing::warn!(status, "the gateway refused the message");
            Submission::new(SubmitResult::Rejected, cause)
        }
    }
}

/// A proxy's pages and incomplete answers may also have status 200; then nobody knows where the message is.
fn taken(answer: &Answer) -> Submission {
    let id = match answer.json::<Value>() {
        Some(Value::Object(body)) => match body.get("message_id") {
            Some(Value::String(id)) => Some(plain_id(id)),
            Some(Value::Number(id)) => Some(plain_id(&id.to_string())),
            _ => None,
        },
        _ if answer.is_empty() => None,
        _ => {
            tracing::warn!("the gateway answered 2xx with a body that cannot be read");
            return Submission::new(SubmitResult::Indeterminate { silent: false }, Cause::Unreadable);
        }
    };
    SubmitResult::Accepted { message_id: id }.into()
}
