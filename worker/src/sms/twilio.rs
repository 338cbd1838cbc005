//! Twilio: one form POST under the account's own credentials. It has no way to tell a repeated message from a new one.

mod error;

use super::{SmsChannel, SmsMessage, Submission, Submitting};
use crate::config::HttpChannelConfig;
use crate::upstream::{HttpClient, Upstream};

/// The client.
pub struct Twilio {
    upstream: Upstream,
    url: String,
    sender: String,
}

impl Twilio {
    /// A client of the account at the configured URL.
    pub fn new(config: &HttpChannelConfig, client: &HttpClient) -> Self {
        let upstream = Upstream::new(client, "sms", config.authorization.as_ref(), config.limit);
        Self { upstream, url: config.url.clone(), sender: config.sender.clone() }
    }

    async fn post(&self, message: SmsMessage<'_>) -> Submission {
        let valid_for = message.life.as_secs().to_string();
        let form = [
            ("To", message.to.expose()),
            ("From", &self.sender),
            ("Body", message.text),
            ("ValidityPeriod", &valid_for),
        ];
        let request = self.upstream.post(&self.url).form(&form);
        match self.upstream.call(request, message.origin).await {
            Ok(answer) => error::read(&answer),
            Err(error) => Submission::unanswered(error),
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

#[cfg(test)]
mod tests;
