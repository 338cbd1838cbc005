//! Sending an SMS: the text, the channels it may go through, and what is known afterwards about the message.

mod breaker;
mod guarded_channel;
mod http;
mod pacing;
mod receipt;
mod smpp;
mod submit_result;
mod text;
mod turbosms;
mod twilio;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::time::Duration;

use shared::domain::ids::JobId;
use shared::domain::phone::PhoneNumber;
use shared::sending::codes::Code;
use shared::sending::limits::RateLimiter;
use tokio::time::timeout;

pub use http::HttpChannel;
pub use receipt::{Receipt, Receipts};
pub use smpp::SmppChannel;
pub use submit_result::SubmitResult;
pub use text::length;
pub use text::{MessageText, TextError};
pub use turbosms::TurboSms;
pub use twilio::Twilio;

use crate::config::{ChannelConfig, SmsConfig};
use crate::upstream::Origin;
use guarded_channel::GuardedChannel;
use pacing::Pacing;

/// Longest all channels together may take; with the registry's 3 s and the wait for a turn it stays under the 20 s a job
/// may run.
const LIMIT: Duration = Duration::from_secs(12);

/// Longest a message waits for its turn at a channel that has a rate. Waiting here keeps later jobs in the queue, where
/// being put back and coming again would ask the registry about each of them anew.
const LONGEST_TURN: Duration = Duration::from_secs(4);

/// Most of a gateway's message id that is kept for the log.
const MESSAGE_ID_LENGTH: usize = 64;

/// One message. It has no `Debug`: the text holds the code.
#[derive(Clone, Copy)]
pub struct SmsMessage<'a> {
    /// The phone.
    pub to: &'a PhoneNumber,
    /// What it says.
    pub text: &'a str,
    /// Our name for the message; the same for every try of a job, so that a gateway may drop a second one.
    pub reference: &'a JobId,
    /// How long it is of use: the life of its code.
    pub life: Duration,
    /// On whose behalf.
    pub origin: Origin<'a>,
}

/// What `SmsChannel::submit` returns: boxed, because a list of channels holds different ones.
pub type Submitting<'a> = Pin<Box<dyn Future<Output = SubmitResult> + Send + 'a>>;

/// What `SmsChannel::close` returns.
pub type Closing<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A way to hand messages to a gateway.
pub trait SmsChannel: Send + Sync {
    /// Its name in settings and metrics.
    fn name(&self) -> &'static str;

    /// Hands over one message and says what is known of it then. Never tries twice by itself.
    fn submit<'a>(&'a self, message: SmsMessage<'a>) -> Submitting<'a>;

    /// Ends what it keeps open, if anything; after that it takes no messages.
    fn close(&self) -> Closing<'_> {
        Box::pin(async {})
    }
}

/// The configured channels with the configured text.
pub struct Sms {
    ways: Vec<GuardedChannel>,
    pacing: Option<Pacing>,
    text: MessageText,
    life: Duration,
}

/// A turn at a channel, to be used at once.
#[derive(Debug, PartialEq, Eq)]
pub struct Slot(Option<&'static str>);

impl Slot {
    /// None of any channel: only what has no rate, or is free right now, is used.
    pub const NONE: Self = Self(None);
}

impl Sms {
    /// Messages through these channels, in this order of fallback, with this text, of use for so long.
    pub fn new(channels: Vec<Box<dyn SmsChannel>>, text: MessageText, life: Duration) -> Self {
        Self { ways: channels.into_iter().map(GuardedChannel::new).collect(), pacing: None, text, life }
    }

    /// Messages as the settings have them.
    pub fn from_config(config: &SmsConfig) -> Result<Self, reqwest::Error> {
        Self::with_receipts(config, &Receipts::default())
    }

    /// Messages as the settings have them; what gateways say of them later goes where told.
    pub fn with_receipts(config: &SmsConfig, receipts: &Receipts) -> Result<Self, reqwest::Error> {
        let channels =
            config.channels.iter().map(|config| channel(config, receipts)).collect::<Result<_, _>>()?;
        let mut sms = Self::new(channels, config.text.clone(), config.life);
        let are_told = |way: &GuardedChannel| config.receipts || way.name() == SmppChannel::NAME;
        for way in sms.ways.iter_mut().filter(|way| are_told(way)) {
            way.note_messages(receipts.clone());
        }
        Ok(sms)
    }

    /// Has all workers together keep to the channels' rates.
    #[must_use]
    pub fn paced(mut self, config: &SmsConfig, pace: RateLimiter) -> Self {
        self.pacing = Pacing::new(pace, config.rates.clone());
        self
    }

    /// Waits for a turn at the first channel that is not closed; where it has none soon, at the next. The error is how
    /// long there is none at any. To be asked before leave to send, which does not last.
    pub async fn turn(&self) -> Result<Slot, Duration> {
        let Some(pacing) = &self.pacing else { return Ok(Slot::NONE) };
        let mut none_before = None;
        for way in self.ways.iter().filter(|way| way.is_open()) {
            match pacing.turn(way.name(), LONGEST_TURN).await {
                Ok(()) => return Ok(Slot(Some(way.name()))),
                Err(wait) => {
                    way.count_held();
                    none_before = Some(none_before.map_or(wait, |before: Duration| before.min(wait)));
                }
            }
        }
        none_before.map_or(Ok(Slot::NONE), Err)
    }

    /// Sends the code: by the first channel that takes it. The next is asked only where the one before certainly did not
    /// take the message and may be alone in that.
    pub async fn send(
        &self,
        to: &PhoneNumber,
        code: &Code,
        reference: &JobId,
        origin: Origin<'_>,
        turn: &Slot,
    ) -> SubmitResult {
        let text = self.text.with(code);
        let message = SmsMessage { to, text: &text, reference, life: self.life, origin };
        timeout(LIMIT, self.submit(message, turn)).await.unwrap_or(SubmitResult::Unanswered)
    }

    /// Ends what channels keep open.
    pub async fn close(&self) {
        for way in &self.ways {
            way.close().await;
        }
    }

    async fn submit(&self, message: SmsMessage<'_>, turn: &Slot) -> SubmitResult {
        let mut known = SubmitResult::ChannelUnavailable;
        for way in &self.ways {
            let pacing = self.pacing.as_ref().filter(|_| turn.0 != Some(way.name()));
            let submission = way.submit(message, pacing).await;
            if !submission.leaves_it_to_others() {
                return submission;
            }
            known = known.or_sooner(submission);
        }
        known
    }
}

fn channel(config: &ChannelConfig, receipts: &Receipts) -> Result<Box<dyn SmsChannel>, reqwest::Error> {
    Ok(match config {
        ChannelConfig::Http(config) => Box::new(HttpChannel::new(config)?),
        ChannelConfig::Smpp(config) => Box::new(SmppChannel::new(config, receipts.clone())),
        ChannelConfig::TurboSms(config) => Box::new(TurboSms::new(config)?),
        ChannelConfig::Twilio(config) => Box::new(Twilio::new(config)?),
    })
}

/// A gateway's id for a message, bounded and without anything that could forge a log line.
fn plain_id(id: &str) -> String {
    id.chars().filter(char::is_ascii_graphic).take(MESSAGE_ID_LENGTH).collect()
}
