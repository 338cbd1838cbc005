//! The generic channel: one JSON POST for a message (section 8 of the contract).

use reqwest::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::{SmsChannel, SmsMessage, SubmitResult, Submitting, plain_id};
use crate::config::HttpChannelConfig;
use crate::upstream::{Answer, NoAnswer, Upstream};

/// The client.
pub struct HttpChannel {
    upstream: Upstream,
    url: String,
    sender: String,
}

#[derive(Serialize)]
struct Order<'a> {
    to: &'a str,
    from: &'a str,
    text: &'a str,
    reference: &'a str,
}

impl HttpChannel {
    /// A client of the gateway at the configured URL.
    pub fn new(config: &HttpChannelConfig) -> Result<Self, reqwest::Error> {
        let upstream = Upstream::new("sms", config.authorization.as_ref(), config.limit)?;
        Ok(Self { upstream, url: config.url.clone(), sender: config.sender.clone() })
    }

    async fn post(&self, message: SmsMessage<'_>) -> SubmitResult {
        let reference = message.reference.as_str();
        let order = Order { to: message.to.expose(), from: &self.sender, text: message.text, reference };
        let request = self.upstream.post(&self.url).header("idempotency-key", reference).json(&order);
        match self.upstream.call(request, message.origin).await {
            Ok(answer) => read(&answer),
            Err(NoAnswer::Unreached) => SubmitResult::Unreachable,
            Err(NoAnswer::Unanswered) => SubmitResult::Unanswered,
        }
    }
}

impl SmsChannel for HttpChannel {
    fn name(&self) -> &'static str {
        "http"
    }

    fn submit<'a>(&'a self, message: SmsMessage<'a>) -> Submitting<'a> {
        Box::pin(self.post(message))
    }
}

fn read(answer: &Answer) -> SubmitResult {
    match answer.status {
        status if status.is_success() => taken(answer),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            SubmitResult::Throttled { retry_after: answer.retry_after }
        }
        status if status.is_server_error() => SubmitResult::Failed,
        StatusCode::UNAUTHORIZED | StatusCode::PAYMENT_REQUIRED | StatusCode::FORBIDDEN => {
            SubmitResult::ChannelUnavailable
        }
        status => {
            tracing::warn!(status = status.as_u16(), "the gateway refused the message");
            SubmitResult::Rejected
        }
    }
}

/// A gateway that says 2xx has the message, whatever else it says: sending it again would be a second SMS.
fn taken(answer: &Answer) -> SubmitResult {
    let Some(body) = answer.json::<Value>() else {
        tracing::warn!("the gateway took the message with an answer that is not JSON");
        return SubmitResult::Accepted { message_id: None };
    };
    let id = match &body["message_id"] {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    };
    SubmitResult::Accepted { message_id: id.map(|id| plain_id(&id)) }
}

#[cfg(test)]
mod tests;
