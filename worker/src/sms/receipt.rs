//! Delivery receipts, as channels hand them on: which message, in what state. It neither keeps nor judges them.

use shared::receipt::MessageState;
use tokio::sync::mpsc;

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
pub struct Receipts(Option<mpsc::Sender<Receipt>>);

impl Receipts {
    /// Receipts go to who holds the other end.
    pub fn to(taker: mpsc::Sender<Receipt>) -> Self {
        Self(Some(taker))
    }

    /// Hands one over without waiting. `false`: there is no room now, the gateway should bring it again.
    pub(super) fn hand_over(&self, receipt: Receipt) -> bool {
        tracing::debug!(channel = receipt.channel, message_id = receipt.message_id, state = ?receipt.state, "receipt");
        match self.0.as_ref().map(|taker| taker.try_send(receipt)) {
            None | Some(Ok(()) | Err(mpsc::error::TrySendError::Closed(_))) => true,
            Some(Err(mpsc::error::TrySendError::Full(_))) => false,
        }
    }
}
