//! TurboSMS: one JSON POST. It always answers 200; what became of the message is in `response_code`, for the request
//! and, where that went well, for the recipient.

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::{SmsChannel, SmsMessage, SubmitResult, Submitting, plain_id};
use crate::config::HttpChannelConfig;
use crate::upstream::{Answer, NoAnswer, Upstream};

/// The client.
pub struct TurboSms {
    upstream: Upstream,
    url: String,
    sender: String,
}

#[derive(Deserialize)]
struct Said {
    response_code: i64,
    response_result: Option<Vec<OfRecipient>>,
}

#[derive(Deserialize)]
struct OfRecipient {
    response_code: i64,
    message_id: Option<String>,
}

impl TurboSms {
    /// A client of the gateway at the configured URL.
    pub fn new(config: &HttpChannelConfig) -> Result<Self, reqwest::Error> {
        let upstream = Upstream::new("sms", config.authorization.as_ref(), config.limit)?;
        Ok(Self { upstream, url: config.url.clone(), sender: config.sender.clone() })
    }

    async fn post(&self, message: SmsMessage<'_>) -> SubmitResult {
        let order = json!({
            "recipients": [message.to.expose().trim_start_matches('+')],
            "sms": {"sender": self.sender, "text": message.text},
            // A second one of the same id is not sent again.
            "sequence_id": message.reference,
        });
        let request = self.upstream.post(&self.url).json(&order);
        match self.upstream.call(request, message.origin).await {
            Ok(answer) => read(&answer),
            Err(NoAnswer::Unreached) => SubmitResult::Unreachable,
            Err(NoAnswer::Unanswered) => SubmitResult::Unanswered,
        }
    }
}

impl SmsChannel for TurboSms {
    fn name(&self) -> &'static str {
        "turbosms"
    }

    fn submit<'a>(&'a self, message: SmsMessage<'a>) -> Submitting<'a> {
        Box::pin(self.post(message))
    }
}

/// What stands before the service answers with a status like anybody else.
fn read(answer: &Answer) -> SubmitResult {
    match answer.status {
        StatusCode::OK => answer.json::<Said>().map_or(SubmitResult::Failed, said),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            SubmitResult::Throttled { retry_after: answer.retry_after }
        }
        status if status.is_client_error() || status.is_redirection() => SubmitResult::ChannelUnavailable,
        _ => SubmitResult::Failed,
    }
}

fn said(said: Said) -> SubmitResult {
    let recipient = said.response_result.and_then(|results| results.into_iter().next());
    let code = recipient.as_ref().map_or(said.response_code, |recipient| recipient.response_code);
    if !is_success(code) {
        tracing::warn!(response_code = code, "TurboSMS did not take the message");
        return refusal(code);
    }
    match recipient {
        Some(OfRecipient { message_id, .. }) => {
            SubmitResult::Accepted { message_id: message_id.map(|id| plain_id(&id)) }
        }
        // It says that all went well, and nothing of the one recipient there was.
        None => SubmitResult::Failed,
    }
}

fn is_success(code: i64) -> bool {
    matches!(code, 0 | 800..=803)
}

/// The error table; codes by turbosms.ua/api.html, the judgement is ours.
fn refusal(code: i64) -> SubmitResult {
    match code {
        // Token and account (103–106, 301), balance (203), sender (200, 302, 400, 401), and other faults of the request:
        // nothing of ours is taken until somebody acts, while another channel may take it.
        103..=106 | 200..=203 | 300..=304 | 306 | 400 | 401 => SubmitResult::ChannelUnavailable,
        // Not a number, on the stop list, of a country that is not served.
        305 | 404 | 406 => SubmitResult::Rejected,
        // 999, and whatever this build does not know: it may have been taken.
        _ => SubmitResult::Failed,
    }
}

#[cfg(test)]
mod tests;
