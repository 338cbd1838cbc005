//! One channel with its breaker, its rate and its health.

use std::time::{Duration, Instant};

use shared::telemetry::metric;
use tokio::time::{Instant as Moment, timeout_at};

use super::breaker::Breaker;
use super::history::SendHistory;
use super::pacing::Pacing;
use super::{Cause, SmsChannel, SmsMessage, Submission, SubmitResult};
use shared::telemetry::upstream_health::{CallResult, HealthHints, HealthSnapshot, UpstreamHealth};

/// A channel with its state.
pub(super) struct GuardedChannel {
    channel: Box<dyn SmsChannel>,
    breaker: Breaker,
    health: UpstreamHealth,
}

impl GuardedChannel {
    pub(super) fn new(channel: Box<dyn SmsChannel>) -> Self {
        let health = UpstreamHealth::new(format!("sms {}", channel.name()), hints(channel.name()));
        Self { channel, breaker: Breaker::default(), health }
    }

    pub(super) fn name(&self) -> &'static str {
        self.channel.name()
    }

    pub(super) fn health(&self) -> HealthSnapshot {
        HealthSnapshot { is_closed: !self.breaker.is_open(), ..self.health.snapshot() }
    }

    /// Whether messages can be handed over now.
    pub(super) fn takes_messages(&self) -> bool {
        self.breaker.takes_messages(Instant::now())
    }

    /// Whether a message of a job with this history may go now, which reserves a due probe for it; else how long not.
    pub(super) fn claim(&self, history: &SendHistory) -> Result<(), Duration> {
        self.breaker.claim(Instant::now(), history)
    }

    /// Whether a message of a job with this history might go now, else how long not.
    pub(super) fn may_go(&self, history: &SendHistory) -> Result<(), Duration> {
        self.breaker.may_go(Instant::now(), history)
    }

    /// Counts a message that was not offered to the channel.
    pub(super) fn count_held(&self) {
        self.count(&SubmitResult::Held { retry_after: None });
    }

    /// Hands the message over, unless the channel is closed, at its rate, or no time is left.
    pub(super) async fn submit(
        &self,
        message: SmsMessage<'_>,
        history: &SendHistory,
        pacing: Option<&Pacing>,
        until: Moment,
    ) -> SubmitResult {
        let result = match self.admit(message, history, pacing).await {
            Ok(start) => self.submit_until(message, start, until).await,
            Err(wait) => SubmitResult::Held { retry_after: wait },
        };
        self.count(&result);
        result
    }

    /// Closes the channel's connections.
    pub(super) async fn close(&self) {
        self.channel.close().await;
    }

    async fn admit(
        &self,
        message: SmsMessage<'_>,
        history: &SendHistory,
        pacing: Option<&Pacing>,
    ) -> Result<Instant, Option<Duration>> {
        // Comes before the breaker, which might admit as its probe a message without a slot.
        self.may_go(history).map_err(Some)?;
        if let Some(pacing) = pacing {
            pacing.slot(self.name(), Duration::ZERO).await.map_err(Some)?;
        }
        if !(message.may_submit)() {
            return Err(None);
        }
        let start = Instant::now();
        self.breaker.admit(start, history).map_err(Some)?;
        Ok(start)
    }

    async fn submit_until(&self, message: SmsMessage<'_>, start: Instant, until: Moment) -> SubmitResult {
        let _call = self.health.begin();
        let submitted = timeout_at(until, self.channel.submit(message)).await;
        let Submission { result, cause } = submitted.unwrap_or_else(|_| Submission::silent());
        metrics::histogram!(metric::SMS_SECONDS).record(start.elapsed());
        self.breaker.note(&result, Instant::now());
        self.note_health(&result, cause, start.elapsed());
        result
    }

    fn note_health(&self, result: &SubmitResult, cause: Option<Cause>, took: Duration) {
        let call = match result {
            SubmitResult::Held { .. } => return,
            SubmitResult::Accepted { .. } | SubmitResult::Rejected => CallResult::Good,
            SubmitResult::ChannelUnavailable => CallResult::Closed,
            _ => CallResult::Failed,
        };
        let answer = cause.map_or_else(|| "ok".to_owned(), |cause| cause.to_string());
        self.health.note(call, &answer, took);
    }

    fn count(&self, result: &SubmitResult) {
        let labels = [("channel", self.channel.name()), ("result", result.label())];
        metrics::counter!(metric::SMS, &labels).increment(1);
    }
}

/// The settings to look at while a channel is down; each falls back to the one without the channel's name.
fn hints(channel: &str) -> HealthHints {
    let (url, credentials) = match channel {
        "http" => ("RESEND_SMS_HTTP_URL", "RESEND_SMS_HTTP_TOKEN"),
        "smpp" => ("RESEND_SMS_SMPP_URL", "RESEND_SMS_SMPP_URL"),
        "turbosms" => ("RESEND_SMS_TURBOSMS_URL", "RESEND_SMS_TURBOSMS_TOKEN"),
        _ => ("RESEND_SMS_TWILIO_URL", "RESEND_SMS_TWILIO_TOKEN"),
    };
    HealthHints { url, credentials }
}
