//! Delivery receipts: which message, in what state, and where that is kept. Losing one costs an operator a word; no job
//! waits for any of this.

use std::sync::Arc;
use std::time::Duration;

use shared::domain::ids::JobId;
use shared::receipt::{MessageState, MessageStates};
use shared::telemetry::LogThrottle;
use tokio::time::timeout;

/// Longest the SMSC waits for its answer to a receipt, and a note is tried.
const LIMIT: Duration = Duration::from_secs(2);

/// What a gateway says of a message it took before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Name of the channel, as in settings and metrics.
    pub channel: &'static str,
    /// The gateway's name for the message. SMPP: as the receipt spells it; the answer to the submit may have spelt the same
    /// number in the other of hex and decimal.
    pub message_id: String,
    /// What became of it.
    pub state: MessageState,
}

/// Where receipts go; by default nowhere, and then they are logged at debug.
#[derive(Clone, Default)]
pub struct Receipts(Option<Arc<MessageStates>>);

impl Receipts {
    /// Receipts are kept here.
    pub fn kept(states: MessageStates) -> Self {
        Self(Some(Arc::new(states)))
    }

    /// Keeps one. `false`: it could not be, the gateway should bring it again.
    pub(super) async fn keep(&self, receipt: &Receipt) -> bool {
        let Receipt { channel, message_id, state } = receipt;
        tracing::debug!(channel, message_id, state = state.as_str(), "receipt");
        let Some(states) = &self.0 else { return true };
        matches!(timeout(LIMIT, states.advance(channel, message_id, *state)).await, Ok(Ok(_)))
    }

    /// Notes beside the job which message it sent, without holding anything up.
    pub(super) fn note(&self, job: &JobId, channel: &'static str, message_id: &str) {
        static THROTTLE: LogThrottle = LogThrottle::new();
        let Some(states) = self.0.clone() else { return };
        let (job, message_id) = (job.clone(), message_id.to_owned());
        tokio::spawn(async move {
            let noted = timeout(LIMIT, states.note(&job, channel, &message_id)).await;
            if !matches!(noted, Ok(Ok(())))
                && let Some(suppressed) = THROTTLE.allow()
            {
                tracing::warn!(
                    suppressed,
                    "receipts of a message that was just sent will not be found by its job"
                );
            }
        });
    }
}
