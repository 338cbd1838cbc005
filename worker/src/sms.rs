//! Sending an SMS: the text, the channels, and what is known about the message afterwards.

mod breaker;
mod guarded_channel;
mod history;
mod http;
mod pacing;
mod slot;
mod smpp;
mod submit_result;
mod turbosms;
mod twilio;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use shared::domain::ids::JobId;
use shared::domain::phone::PhoneNumber;
use shared::queue::SendCapacity;
use shared::sending::codes::Code;
use shared::sending::limits::{self, RateLimiter};
use tokio::time::{Instant, sleep};

pub(crate) use breaker::Breaker;
pub use history::{BELIEVED_MOST, OPEN_MOST, SendHistory};
pub use http::HttpChannel;
pub use slot::Slot;
pub use smpp::SmppChannel;
pub use submit_result::{Cause, Submission, SubmitResult};
pub use turbosms::TurboSms;
pub use twilio::Twilio;

use crate::config::{ChannelConfig, SmsConfig};
use crate::message_text::MessageText;
use crate::upstream::{HttpClient, Origin};
use guarded_channel::GuardedChannel;
use pacing::Pacing;
use shared::telemetry::upstream_health::HealthSnapshot;

/// Longest all channels together may take. With the registry's 3 s, the rate's 4 s and the permit's 2 s it stays below
/// the 20 s limit of a run.
const LIMIT: Duration = Duration::from_secs(10);

/// Longest a message waits for its slot at a channel with a rate. This wait keeps later jobs in the queue, where a
/// retry would cost each of them more.
const LONGEST_SLOT_WAIT: Duration = Duration::from_secs(4);

/// Most of a gateway's message id that is logged.
const MESSAGE_ID_LENGTH: usize = 64;

/// One message. It has no `Debug`, because the text contains the code.
#[derive(Clone, Copy)]
pub struct SmsMessage<'a> {
    /// The phone.
    pub to: &'a PhoneNumber,
    /// The text.
    pub text: &'a str,
    /// Our id for the message; the same for every try of a job, so that a gateway may drop a duplicate.
    pub reference: &'a JobId,
    /// How long it is useful: the lifetime of its code.
    pub life: Duration,
    /// The request it is sent for.
    pub origin: Origin<'a>,
    /// Checked right before the message leaves: whether the permit and the job's deadline still allow it.
    pub may_submit: &'a (dyn Fn() -> bool + Send + Sync),
}

/// What a job has to send.
#[derive(Clone, Copy)]
pub struct Order<'a> {
    /// The phone.
    pub to: &'a PhoneNumber,
    /// The code.
    pub code: &'a Code,
    /// The job.
    pub reference: &'a JobId,
    /// The request it is sent for.
    pub origin: Origin<'a>,
    /// The results of earlier tries of the job.
    pub history: SendHistory,
    /// As in [`SmsMessage`].
    pub may_submit: &'a (dyn Fn() -> bool + Send + Sync),
}

/// The result of one try of a job, over all channels that were tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendResult {
    /// What is known of the message.
    pub result: SubmitResult,
    /// How often it was handed to a gateway, whatever the answer was.
    pub handed: u32,
    /// How many 503s with a time were believed.
    pub believed: u32,
    /// The channel that answered last.
    pub channel: Option<&'static str>,
    /// Whether the next channel may be tried.
    is_left_to_others: bool,
}

/// What `SmsChannel::submit` returns: boxed, because a list of channels holds different ones.
pub type Submitting<'a> = Pin<Box<dyn Future<Output = Submission> + Send + 'a>>;

/// What `SmsChannel::close` returns.
pub type Closing<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A channel that hands messages to a gateway.
pub trait SmsChannel: Send + Sync {
    /// Its name in settings and metrics.
    fn name(&self) -> &'static str;

    /// Hands over one message and returns what is then known of it. Never tries twice by itself.
    fn submit<'a>(&'a self, message: SmsMessage<'a>) -> Submitting<'a>;

    /// Closes its connections, if any; after that it takes no messages.
    fn close(&self) -> Closing<'_> {
        Box::pin(async {})
    }
}

/// The configured channels with the configured text.
pub struct Sms {
    channels: Vec<GuardedChannel>,
    pacing: Option<Arc<Pacing>>,
    text: MessageText,
    life: Duration,
}

impl Sms {
    /// Messages with this text through these channels, in order of fallback, useful for this long.
    pub fn new(channels: Vec<Box<dyn SmsChannel>>, text: MessageText, life: Duration) -> Self {
        Self { channels: channels.into_iter().map(GuardedChannel::new).collect(), pacing: None, text, life }
    }

    /// Messages according to the settings.
    pub fn from_config(config: &SmsConfig, client: &HttpClient) -> Self {
        let channels = config.channels.iter().map(|config| channel(config, client)).collect();
        Self::new(channels, config.text.clone(), config.life)
    }

    /// Makes all workers together keep to the channels' rates.
    #[must_use]
    pub fn paced(mut self, config: &SmsConfig, pace: RateLimiter) -> Self {
        self.pacing = Pacing::new(pace, config.rates.clone()).map(Arc::new);
        self
    }

    /// Waits for a slot at the first open channel if channels have rates, however long it takes, so that waiting jobs
    /// keep their order. Returns none if no channel is open, or Redis does not answer.
    pub async fn reserve(&self) -> Slot {
        let Some(pacing) = &self.pacing else { return Slot::none() };
        let _ahead = pacing.ahead().await;
        let near = |channel: &GuardedChannel| pacing.near(channel.name(), self.channels.len() == 1);
        loop {
            let mut soonest = None;
            for channel in self.channels.iter().filter(|it| it.may_go(&SendHistory::NONE).is_ok()) {
                match pacing.take(channel.name(), near(channel)).await {
                    Some(limits::Slot::After(wait)) => {
                        sleep(wait).await;
                        return Slot::at(channel.name(), self.pacing.clone());
                    }
                    Some(limits::Slot::NoneBefore(wait)) => {
                        soonest = Some(soonest.map_or(wait, |before: Duration| before.min(wait)));
                    }
                    None => return Slot::none(),
                }
            }
            let Some(wait) = soonest else { return Slot::none() };
            sleep(wait).await;
        }
    }

    /// Waits for a slot at the first channel that would take a message of a job with this history, unless one is
    /// reserved; if that channel has none soon, at the next. The error is how long no channel has one. Call it before
    /// the permit to send is requested, because a permit does not last.
    pub async fn slot(&self, history: &SendHistory, reserved: Slot) -> Result<Slot, Duration> {
        let mut earliest = None;
        for channel in &self.channels {
            let slot = match (channel.claim(history), &self.pacing) {
                (Ok(()), _) if reserved.is_at(channel.name()) => return Ok(reserved),
                (Ok(()), Some(pacing)) => pacing.slot(channel.name(), LONGEST_SLOT_WAIT).await,
                (allowed, _) => allowed,
            };
            match slot {
                Ok(()) => return Ok(Slot::at(channel.name(), self.pacing.clone())),
                Err(wait) => {
                    channel.count_held();
                    earliest = Some(earliest.map_or(wait, |before: Duration| before.min(wait)));
                }
            }
        }
        earliest.map_or(Ok(Slot::none()), Err)
    }

    /// Sends the code through the first channel that takes it. The next channel is tried only if the one before did not
    /// take the message, as far as is known, and another may do so.
    pub async fn send(&self, order: Order<'_>, slot: &Slot) -> SendResult {
        let text = self.text.with(order.code);
        let Order { to, reference, origin, may_submit, .. } = order;
        let message = SmsMessage { to, text: &text, reference, life: self.life, origin, may_submit };
        let (until, mut history) = (Instant::now() + LIMIT, order.history);
        let mut sent = SendResult::unsent();
        for channel in self.channels.iter().take_while(|_| Instant::now() < until) {
            let pacing = self.pacing.as_deref().filter(|_| !slot.use_at(channel.name()));
            let result = channel.submit(message, &history, pacing, until).await;
            sent.note(result, channel.name(), &mut history);
            if !sent.is_left_to_others {
                break;
            }
        }
        sent
    }

    /// Announces the channels' present capacity: the sum of the open ones' rates, and whether none is open.
    pub fn announce(&self, capacity: &SendCapacity) {
        let is_closed = self.channels.iter().all(|channel| !channel.takes_messages());
        let usable = self.channels.iter().filter(|channel| is_closed || channel.takes_messages());
        let rates = usable.map(|channel| self.pacing.as_ref()?.per_second(channel.name()));
        capacity.set_closed(is_closed);
        capacity.set_rate(rates.map(|rate| Some(f64::from(rate?.get()))).sum());
    }

    /// The health of the channels.
    pub fn health(&self) -> Vec<HealthSnapshot> {
        self.channels.iter().map(GuardedChannel::health).collect()
    }

    /// Closes the channels' connections.
    pub async fn close(&self) {
        for channel in &self.channels {
            channel.close().await;
        }
    }
}

impl SendResult {
    /// Nothing was handed over.
    pub(crate) fn unsent() -> Self {
        let result = SubmitResult::ChannelUnavailable;
        Self { result, handed: 0, believed: 0, channel: None, is_left_to_others: true }
    }

    /// The result of the one call there was.
    pub(crate) fn of_one(result: SubmitResult, channel: &'static str) -> Self {
        let handed = u32::from(result.was_handed_over());
        Self { handed, channel: Some(channel), result, ..Self::unsent() }
    }

    /// Adds the result of one channel. A third 503 with a time counts like any other 5xx.
    fn note(&mut self, result: SubmitResult, channel: &'static str, history: &mut SendHistory) {
        let result = match result {
            SubmitResult::Deferred { .. } if !history.believes() => {
                SubmitResult::Indeterminate { silent: false }
            }
            result => result,
        };
        if result.was_handed_over() {
            self.handed += 1;
            self.channel = Some(channel);
        }
        if matches!(result, SubmitResult::Deferred { .. }) {
            self.believed += 1;
            history.believed += 1;
        }
        self.is_left_to_others = result.leaves_it_to_others();
        let before = std::mem::replace(&mut self.result, SubmitResult::Rejected);
        self.result = if self.is_left_to_others { before.or_sooner(result) } else { result };
    }
}

fn channel(config: &ChannelConfig, client: &HttpClient) -> Box<dyn SmsChannel> {
    match config {
        ChannelConfig::Http(config) => Box::new(HttpChannel::new(config, client)),
        ChannelConfig::Smpp(config) => Box::new(SmppChannel::new(config)),
        ChannelConfig::TurboSms(config) => Box::new(TurboSms::new(config, client)),
        ChannelConfig::Twilio(config) => Box::new(Twilio::new(config, client)),
    }
}

/// A gateway's id for a message, shortened and without anything that could forge a log line.
pub(crate) fn plain_id(id: &str) -> String {
    id.chars().filter(char::is_ascii_graphic).take(MESSAGE_ID_LENGTH).collect()
}
