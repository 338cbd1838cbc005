//! What a gateway says later about a message it took: its state. It does not keep states; who does moves them forward only.

/// State of a message (SMPP 3.4, section 5.2.28); other gateways' words are mapped onto it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageState {
    /// On its way.
    Enroute,
    /// On the phone.
    Delivered,
    /// Its validity period ended before.
    Expired,
    /// Removed at the gateway.
    Deleted,
    /// It cannot be delivered.
    Undeliverable,
    /// Accepted on the subscriber's behalf.
    Accepted,
    /// The gateway does not know.
    Unknown,
    /// The network refused it.
    Rejected,
}
