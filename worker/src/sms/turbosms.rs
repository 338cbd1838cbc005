//! TurboSMS: one JSON POST. It always answers 200; the result is in `response_code`, for the request and, if that
//! succeeded, for the recipient.

mod error;

use serde_json::json;

use super::{SmsChannel, SmsMessage, Submission, Submitting};
use crate::config::HttpChannelConfig;
use crate::upstream::{HttpClient, Upstream};

/// The client.
pub struct TurboSms {
    upstream: Upstream,
    url: String,
    sender: String,
}

impl TurboSms {
    /// A client of the gateway at the configured URL.
    pub fn new(config: &HttpChannelConfig, client: &HttpClient) -> Self {
        let upstream = Upstream::new(client, "sms", config.authorization.as_ref(), config.limit);
        Self { upstream, url: config.url.clone(), sender: config.sender.clone() }
    }

    async fn post(&self, message: SmsMessage<'_>) -> Submission {
        let order = json!({
            "recipients": [message.to.expose().trim_start_matches('+')],
            "sms": {"sender": self.sender, "text": message.text},
            // A second message with the same id is not sent again.
            "sequence_id": message.reference,
        });
        let request = self.upstream.post(&self.url).json(&order);
        match self.upstream.call(request, message.origin).await {
            Ok(answer) => error::read(&answer),
            Err(error) => Submission::unanswered(error),
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

#[cfg(test)]
mod tests;
