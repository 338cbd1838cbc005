//! How answers of TurboSMS are interpreted: `response_code` of the request and, if that succeeded, of the recipient.
//! Codes from turbosms.ua/api.html, the judgement is ours. Proxies before the service answer with an HTTP status, as
//! anywhere.

use serde::Deserialize;

use crate::sms::{Cause, Submission, SubmitResult, plain_id};
use crate::upstream::Answer;

const MAY_BE_TAKEN: SubmitResult = SubmitResult::Indeterminate { silent: false };

#[derive(Deserialize)]
struct Body {
    response_code: i64,
    response_result: Option<Vec<Recipient>>,
}

#[derive(Deserialize)]
struct Recipient {
    response_code: i64,
    message_id: Option<String>,
}

pub(super) fn read(answer: &Answer) -> Submission {
    if let Some(submission) = Submission::of_status(answer) {
        return submission;
    }
    let cause = Cause::Status(answer.status.as_u16());
    match answer.status.as_u16() {
        200 => answer.json::<Body>().map_or(Submission::new(MAY_BE_TAKEN, Cause::Unreadable), of_body),
        300..=499 => Submission::new(SubmitResult::ChannelUnavailable, cause),
        _ => Submission::new(MAY_BE_TAKEN, cause),
    }
}

fn of_body(body: Body) -> Submission {
    let recipient = body.response_result.and_then(|results| results.into_iter().next());
    let code = recipient.as_ref().map_or(body.response_code, |recipient| recipient.response_code);
    if !is_success(code) {
        tracing::warn!(response_code = code, "TurboSMS did not take the message");
        return Submission::new(refusal(code), Cause::Code(code));
    }
    match recipient {
        Some(Recipient { message_id, .. }) => {
            SubmitResult::Accepted { message_id: message_id.map(|id| plain_id(&id)) }.into()
        }
        // It reports success, and nothing about the one recipient.
        None => Submission::new(MAY_BE_TAKEN, Cause::Code(code)),
    }
}

fn is_success(code: i64) -> bool {
    matches!(code, 0 | 800..=803)
}

fn refusal(code: i64) -> SubmitResult {
    match code {
        // Token and account (103–106, 301), balance (203), sender (200, 302, 400, 401), and other faults of the
        // request: it takes none of our messages until somebody acts, while another channel may.
        103..=106 | 200..=203 | 300..=304 | 306 | 400 | 401 => SubmitResult::ChannelUnavailable,
        // Not a number, on the stop list, or in a country that is not served.
        305 | 404 | 406 => SubmitResult::Rejected,
        // 999, and codes that this build does not know: it may have been taken.
        _ => MAY_BE_TAKEN,
    }
}
