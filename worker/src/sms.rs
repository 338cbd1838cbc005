//! Sending an SMS: the text, the channel it goes through, and what is known afterwards about the message.

mod http;
mod text;

use std::pin::Pin;
use std::time::{Duration, Instant};

use shared::ids::JobId;
use shared::otp::Code;
use shared::phone::PhoneNumber;
use shared::telemetry::metric;

pub use http::HttpChannel;
pub use text::{MessageText, TextError};

use crate::config::SmsConfig;
use crate::upstream::Origin;

/// One message. It has no `Debug`: the text holds the code.
pub struct SmsMessage<'a> {
    /// The phone.
    pub to: &'a PhoneNumber,
    /// What it says.
    pub text: &'a str,
    /// Our name for the message; the same for every try of a job, so that a gateway may drop a second one.
    pub reference: &'a JobId,
    /// On whose behalf.
    pub origin: Origin<'a>,
}

/// What is known after handing a message to a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submission {
    /// The gateway took it.
    Taken {
        /// The gateway's name for it, where it gave one.
        message_id: Option<String>,
    },
    /// The gateway asks to come back later; it has not taken it.
    Busy {
        /// How much later.
        retry_after: Option<Duration>,
    },
    /// There was no connection, so it has certainly not been taken.
    Unreachable,
    /// The gateway will never take this message.
    Refused,
    /// The gateway failed with the message in its hands: it may have been taken.
    Failed,
    /// The connection was cut or the time ran out: it may have been taken.
    Unanswered,
}

/// What `SmsChannel::submit` returns: boxed, because a list of channels holds different ones.
pub type Submitting<'a> = Pin<Box<dyn Future<Output = Submission> + Send + 'a>>;

/// A way to hand messages to a gateway.
pub trait SmsChannel: Send + Sync {
    /// Its name in settings and metrics.
    fn name(&self) -> &'static str;

    /// Hands over one message and says what is known of it then. Never tries twice by itself.
    fn submit<'a>(&'a self, message: SmsMessage<'a>) -> Submitting<'a>;
}

/// The configured channel with the configured text.
pub struct Sms {
    channel: Box<dyn SmsChannel>,
    text: MessageText,
}

impl Sms {
    /// Messages through this channel with this text.
    pub fn new(channel: Box<dyn SmsChannel>, text: MessageText) -> Self {
        Self { channel, text }
    }

    /// Messages as the settings have them.
    pub fn from_config(config: &SmsConfig) -> Result<Self, reqwest::Error> {
        Ok(Self::new(Box::new(HttpChannel::new(&config.http)?), config.text.clone()))
    }

    /// Sends the code.
    pub async fn send(
        &self,
        to: &PhoneNumber,
        code: &Code,
        reference: &JobId,
        origin: Origin<'_>,
    ) -> Submission {
        let text = self.text.with(code);
        let start = Instant::now();
        let submission = self.channel.submit(SmsMessage { to, text: &text, reference, origin }).await;
        metrics::histogram!(metric::SMS_SECONDS).record(start.elapsed());
        let labels = [("channel", self.channel.name()), ("result", submission.label())];
        metrics::counter!(metric::SMS, &labels).increment(1);
        submission
    }
}

impl Submission {
    fn label(&self) -> &'static str {
        match self {
            Self::Taken { .. } => "taken",
            Self::Busy { .. } => "busy",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unanswered => "unanswered",
        }
    }
}
