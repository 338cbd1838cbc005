//! What is known of a message after it was handed to a gateway: the closed set every channel's error table leads to.

use std::time::Duration;

/// What is known after handing a message to a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmitResult {
    /// The gateway took it.
    Accepted {
        /// The gateway's name for it, where it gave one.
        message_id: Option<String>,
    },
    /// The gateway asks to come back later; it has not taken it.
    Throttled {
        /// How much later.
        retry_after: Option<Duration>,
    },
    /// There was no connection, so it has certainly not been taken.
    Unreachable,
    /// This gateway will not take it, nor others like it, until somebody acts: token, balance, sender. Another may.
    ChannelUnavailable,
    /// Nobody will ever take this message: no number, a recipient who wants none.
    Rejected,
    /// The gateway failed with the message in its hands: it may have been taken.
    Failed,
    /// The connection was cut or the time ran out: it may have been taken.
    Unanswered,
}

impl SubmitResult {
    /// Whether another channel may be asked: it was certainly not taken, and not for a reason that holds everywhere.
    pub(super) fn leaves_it_to_others(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Unreachable | Self::ChannelUnavailable)
    }

    /// Of two channels that did not take a message, what can be hoped for first.
    pub(super) fn or_sooner(self, other: Self) -> Self {
        match (self, other) {
            (Self::ChannelUnavailable, other) => other,
            (Self::Throttled { retry_after: one }, Self::Throttled { retry_after: other }) => {
                Self::Throttled { retry_after: one.min(other) }
            }
            (_, Self::Unreachable) => Self::Unreachable,
            (this, _) => this,
        }
    }

    /// The label of the metric.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "taken",
            Self::Throttled { .. } => "busy",
            Self::Unreachable => "unreachable",
            Self::ChannelUnavailable => "closed",
            Self::Rejected => "refused",
            Self::Failed => "failed",
            Self::Unanswered => "unanswered",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(seconds: u64) -> SubmitResult {
        SubmitResult::Throttled { retry_after: Some(Duration::from_secs(seconds)) }
    }

    #[test]
    fn only_a_message_that_was_certainly_not_taken_is_left_to_others() {
        for submission in [busy(1), SubmitResult::Unreachable, SubmitResult::ChannelUnavailable] {
            assert!(submission.leaves_it_to_others(), "{submission:?}");
        }
        let taken = SubmitResult::Accepted { message_id: None };
        for submission in [taken, SubmitResult::Rejected, SubmitResult::Failed, SubmitResult::Unanswered] {
            assert!(!submission.leaves_it_to_others(), "{submission:?}");
        }
    }

    #[test]
    fn what_can_be_hoped_for_first_is_what_is_said() {
        for (one, other, expected) in [
            (SubmitResult::ChannelUnavailable, busy(9), busy(9)),
            (busy(9), SubmitResult::ChannelUnavailable, busy(9)),
            (busy(9), busy(3), busy(3)),
            (busy(9), SubmitResult::Unreachable, SubmitResult::Unreachable),
            (SubmitResult::Unreachable, busy(9), SubmitResult::Unreachable),
            (
                SubmitResult::ChannelUnavailable,
                SubmitResult::ChannelUnavailable,
                SubmitResult::ChannelUnavailable,
            ),
        ] {
            assert_eq!(one.clone().or_sooner(other.clone()), expected, "{one:?} {other:?}");
        }
    }
}
