//! The generic channel: one JSON POST per message (section 8 of the contract).

mod error;

use serde::Serialize;

use super::{SmsChannel, SmsMessage, Submission, Submitting};
use crate::config::HttpChannelConfig;
use crate::upstream::{HttpClient, Upstream};

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
    pub fn new(config: &HttpChannelConfig, client: &HttpClient) -> Self {
        let upstream = Upstream::new(client, "sms", config.authorization.as_ref(), config.limit);
        Self { upstream, url: config.url.clone(), sender: config.sender.clone() }
    }

    async fn post(&self, message: SmsMessage<'_>) -> Submission {
        let reference = message.reference.as_str();
        let order = Order { to: message.to.expose(), from: &self.sender, text: message.text, reference };
        let request = self.upstream.post(&self.url).header("idempotency-key", reference).json(&order);
        match self.upstream.call(request, message.origin).await {
            Ok(answer) => error::read(&answer),
            Err(error) => Submission::unanswered(error),
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

#[cfg(test)]
mod tests;
