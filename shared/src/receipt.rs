//! What a gateway says later about a message it took: its state, which moves forward only. It is for operators; the job
//! has ended by then, and its client is told nothing of it.

mod store;

pub use store::{MessageStates, SentMessage};

/// State of a message (SMPP 3.4, section 5.2.28); other gateways' words are mapped onto it. A later one in this order
/// outweighs an earlier one, whichever comes first: receipts overtake one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageState {
    /// The gateway does not know.
    Unknown,
    /// On its way.
    Enroute,
    /// Accepted on the subscriber's behalf.
    Accepted,
    /// Removed at the gateway.
    Deleted,
    /// Its validity period ended before.
    Expired,
    /// The network refused it.
    Rejected,
    /// It cannot be delivered.
    Undeliverable,
    /// On the phone.
    Delivered,
}

impl MessageState {
    /// Every state, the weakest first.
    pub const ALL: [Self; 8] = [
        Self::Unknown,
        Self::Enroute,
        Self::Accepted,
        Self::Deleted,
        Self::Expired,
        Self::Rejected,
        Self::Undeliverable,
        Self::Delivered,
    ];

    /// Its word in call-backs, metrics and for operators.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Enroute => "enroute",
            Self::Accepted => "accepted",
            Self::Deleted => "deleted",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
            Self::Undeliverable => "undeliverable",
            Self::Delivered => "delivered",
        }
    }

    /// The state of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Its place in the order, from 1.
    fn rank(self) -> usize {
        1 + Self::ALL.iter().take_while(|state| **state < self).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_list_and_every_word_is_read_back() {
        let ranks = MessageState::ALL.map(MessageState::rank);
        assert_eq!(ranks, [1, 2, 3, 4, 5, 6, 7, 8]);
        for state in MessageState::ALL {
            assert_eq!(MessageState::from_word(state.as_str()), Some(state));
        }
        assert_eq!(MessageState::from_word("DELIVERED"), None);
    }
}
