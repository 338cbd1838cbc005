//! Twilio: one form POST under the account's own credentials. It has no way to tell a repeated message from a new one.

use reqwest::StatusCode;
use serde::Deserialize;

use super::{SmsChannel, SmsMessage, SubmitResult, Submitting, plain_id};
use crate::config::HttpChannelConfig;
use crate::upstream::{Answer, NoAnswer, Upstream};

/// The client.
pub struct Twilio {
    upstream: Upstream,
    url: String,
    sender: String,
}

/// A message that was made.
#[derive(Deserialize)]
struct Made {
    sid: Option<String>,
    error_code: Option<i64>,
}

/// A request that was refused.
#[derive(Deserialize)]
struct Wrong {
    code: i64,
}

impl Twilio {
    /// A client of the account at the configured URL.
    pub fn new(config: &HttpChannelConfig) -> Result<Self, reqwest::Error> {
        let upstream = Upstream::new("sms", config.authorization.as_ref(), config.limit)?;
        Ok(Self { upstream, url: config.url.clone(), sender: config.sender.clone() })
    }

    async fn post(&self, message: SmsMessage<'_>) -> SubmitResult {
        let valid_for = message.life.as_secs().to_string();
        let form = [
            ("To", message.to.expose()),
            ("From", &self.sender),
            ("Body", message.text),
            ("ValidityPeriod", &valid_for),
        ];
        let request = self.upstream.post(&self.url).form(&form);
        match self.upstream.call(request, message.origin).await {
            Ok(answer) => read(&answer),
            Err(NoAnswer::Unreached) => SubmitResult::Unreachable,
            Err(NoAnswer::Unanswered) => SubmitResult::Unanswered,
        }
    }
}

impl SmsChannel for Twilio {
    fn name(&self) -> &'static str {
        "twilio"
    }

    fn submit<'a>(&'a self, message: SmsMessage<'a>) -> Submitting<'a> {
        Box::pin(self.post(message))
    }
}

fn read(answer: &Answer) -> SubmitResult {
    let said = answer.json::<Wrong>().map(|wrong| wrong.code);
    match (answer.status, said) {
        (status, _) if status.is_success() => made(answer),
        (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, _) => {
            SubmitResult::Throttled { retry_after: answer.retry_after }
        }
        (status, _) if status.is_server_error() => SubmitResult::Failed,
        (status, code) => {
            tracing::warn!(status = status.as_u16(), code, "Twilio refused the message");
            code.map_or(SubmitResult::ChannelUnavailable, refusal)
        }
    }
}

/// A message may be made and have failed at once.
fn made(answer: &Answer) -> SubmitResult {
    match answer.json::<Made>() {
        Some(Made { error_code: Some(code), .. }) => refusal(code),
        Some(Made { sid, .. }) => SubmitResult::Accepted { message_id: sid.map(|sid| plain_id(&sid)) },
        None => SubmitResult::Accepted { message_id: None },
    }
}

/// The error table; codes by twilio.com/docs/api/errors, the judgement is ours.
fn refusal(code: i64) -> SubmitResult {
    match code {
        // Too many requests, a full queue.
        20_429 | 21_611 | 30_001 => SubmitResult::Throttled { retry_after: None },
        // Not a number, unsubscribed, not a mobile; blocked, unknown, a landline, filtered.
        21_211 | 21_610 | 21_614 | 30_004..=30_007 => SubmitResult::Rejected,
        // Out of reach, or nobody knows why: it was on its way.
        30_003 | 30_008 => SubmitResult::Failed,
        // 20003 credentials, 21408 region not enabled, 21606 sender, and every other refusal of the request.
        _ => SubmitResult::ChannelUnavailable,
    }
}

#[cfg(test)]
mod tests;
