//! One channel with what is known of the way to it.

use std::time::{Duration, Instant};

use shared::telemetry::metric;

use super::breaker::Breaker;
use super::pacing::Pacing;
use super::{Receipts, SmsChannel, SmsMessage, SubmitResult};

/// Stands for a message the channel was not asked about, in the label of the metric.
const HELD: &str = "held";

/// A channel and its breaker.
pub(super) struct GuardedChannel {
    channel: Box<dyn SmsChannel>,
    breaker: Breaker,
    receipts: Receipts,
}

impl GuardedChannel {
    pub(super) fn new(channel: Box<dyn SmsChannel>) -> Self {
        Self { channel, breaker: Breaker::default(), receipts: Receipts::default() }
    }

    /// Has jobs name the messages that went this way, for their receipts.
    pub(super) fn note_messages(&mut self, receipts: Receipts) {
        self.receipts = receipts;
    }

    pub(super) fn name(&self) -> &'static str {
        self.channel.name()
    }

    /// Whether a message would go now, as far as the breaker knows.
    pub(super) fn is_open(&self) -> bool {
        self.breaker.is_open(Instant::now())
    }

    /// Counts a message that the channel was not asked about.
    pub(super) fn count_held(&self) {
        self.count(HELD);
    }

    /// Hands the message over, unless the way is closed or, by this pacing, has no turn right now: then it certainly was
    /// not taken.
    pub(super) async fn submit(&self, message: SmsMessage<'_>, pacing: Option<&Pacing>) -> SubmitResult {
        // Before the breaker, which would take a message that then has no turn for its try at a closed way.
        if let Some(pacing) = pacing.filter(|_| self.is_open())
            && let Err(wait) = pacing.turn(self.name(), Duration::ZERO).await
        {
            self.count(HELD);
            return SubmitResult::Throttled { retry_after: Some(wait) };
        }
        let start = Instant::now();
        if let Err(wait) = self.breaker.admit(start) {
            self.count(HELD);
            return SubmitResult::Throttled { retry_after: Some(wait) };
        }
        let submission = self.channel.submit(message).await;
        metrics::histogram!(metric::SMS_SECONDS).record(start.elapsed());
        if self.breaker.note(&submission, Instant::now()) {
            tracing::warn!(
                channel = self.channel.name(),
                "the channel fails: messages wait or go another way"
            );
        }
        if let SubmitResult::Accepted { message_id: Some(message_id) } = &submission {
            self.receipts.note(message.reference, self.name(), message_id);
        }
        self.count(submission.label());
        submission
    }

    /// Ends what the channel keeps open.
    pub(super) async fn close(&self) {
        self.channel.close().await;
    }

    fn count(&self, result: &'static str) {
        let labels = [("channel", self.channel.name()), ("result", result)];
        metrics::counter!(metric::SMS, &labels).increment(1);
    }
}
