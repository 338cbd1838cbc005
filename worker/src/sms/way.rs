//! One channel with what is known of the way to it.

use std::time::Instant;

use shared::telemetry::metric;

use super::breaker::Breaker;
use super::{SmsChannel, SmsMessage, Submission};

/// Stands for a message the channel was not asked about, in the label of the metric.
const HELD: &str = "held";

/// A channel and its breaker.
pub(super) struct Way {
    channel: Box<dyn SmsChannel>,
    breaker: Breaker,
}

impl Way {
    pub(super) fn new(channel: Box<dyn SmsChannel>) -> Self {
        Self { channel, breaker: Breaker::default() }
    }

    /// Hands the message over, unless the way is closed: then it certainly was not taken.
    pub(super) async fn submit(&self, message: SmsMessage<'_>) -> Submission {
        let start = Instant::now();
        if let Err(wait) = self.breaker.admit(start) {
            self.count(HELD);
            return Submission::Busy { retry_after: Some(wait) };
        }
        let submission = self.channel.submit(message).await;
        metrics::histogram!(metric::SMS_SECONDS).record(start.elapsed());
        if self.breaker.note(&submission, Instant::now()) {
            tracing::warn!(
                channel = self.channel.name(),
                "the channel fails: messages wait or go another way"
            );
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
