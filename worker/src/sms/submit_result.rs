//! What is known of a message after it was handed to a gateway: the closed set of results that every channel's error
//! table uses.

use std::fmt;
use std::time::Duration;

use crate::upstream::{Answer, CallError};

/// What is known after handing a message to a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmitResult {
    /// The gateway took it.
    Accepted {
        /// The gateway's id for it, if it gave one.
        message_id: Option<String>,
    },
    /// The gateway has not seen it: the channel is closed or at its rate, its window is full, or too little time is
    /// left.
    Held {
        /// When the channel may take it.
        retry_after: Option<Duration>,
    },
    /// The gateway is over its own limit (429). The message certainly was not taken.
    Throttled {
        /// The wait that it asks for.
        retry_after: Option<Duration>,
    },
    /// The gateway answered 503 and named a time. It is believed not to have taken the message, but only a few times.
    Deferred {
        /// The wait that it asks for.
        retry_after: Duration,
    },
    /// There was no connection, so it certainly was not taken.
    Unreachable,
    /// This gateway takes no messages until somebody acts: token, balance, sender. Another may.
    ChannelUnavailable,
    /// No gateway will ever take this message: an invalid number, or a recipient who has opted out.
    Rejected,
    /// The gateway failed, was cut off, or did not answer: the message may have been taken.
    Indeterminate {
        /// Whether there was no answer at all.
        silent: bool,
    },
}

/// A gateway's answer, or why there was none: for logs and health, never for decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// An HTTP status.
    Status(u16),
    /// A code of the gateway's own.
    Code(i64),
    /// A `command_status` of SMPP.
    CommandStatus(u32),
    /// There was no connection.
    NoConnection,
    /// The time ran out, or the connection was cut.
    NoAnswer,
    /// An answer that cannot be read.
    Unreadable,
}

/// A result with its cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// What is known of the message.
    pub result: SubmitResult,
    /// The gateway's answer; `None` if it was not called, or took the message.
    pub cause: Option<Cause>,
}

impl SubmitResult {
    /// Whether another channel may be tried: the message was not taken, as far as is known, and for a reason that does
    /// not apply to every gateway.
    pub(super) fn leaves_it_to_others(&self) -> bool {
        matches!(
            self,
            Self::Held { .. }
                | Self::Throttled { .. }
                | Self::Deferred { .. }
                | Self::Unreachable
                | Self::ChannelUnavailable
        )
    }

    /// Whether a gateway saw the message, whatever it answered.
    pub(crate) fn was_handed_over(&self) -> bool {
        !matches!(self, Self::Held { .. } | Self::Unreachable)
    }

    /// Of two channels that did not take a message, the more promising one.
    pub(super) fn or_sooner(self, other: Self) -> Self {
        // A channel that is closed itself names no time, and so leaves it to the other.
        match (self.retry_after(), other.retry_after()) {
            _ if other == Self::ChannelUnavailable => self,
            _ if self == Self::Unreachable || other == Self::Unreachable => Self::Unreachable,
            (Some(one), Some(another)) if another >= one => self,
            (Some(_), None) => self,
            _ => other,
        }
    }

    /// When the channel will take the message again, if it said so.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Held { retry_after } | Self::Throttled { retry_after } => *retry_after,
            Self::Deferred { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    /// The label of the metric.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "taken",
            Self::Held { .. } => "held",
            Self::Throttled { .. } => "busy",
            Self::Deferred { .. } => "deferred",
            Self::Unreachable => "unreachable",
            Self::ChannelUnavailable => "closed",
            Self::Rejected => "refused",
            Self::Indeterminate { silent: false } => "failed",
            Self::Indeterminate { silent: true } => "unanswered",
        }
    }
}

impl Submission {
    /// A result with its cause.
    pub(crate) fn new(result: SubmitResult, cause: Cause) -> Self {
        Self { result, cause: Some(cause) }
    }

    /// What the absence of an HTTP answer means.
    pub(crate) fn unanswered(error: CallError) -> Self {
        match error {
            CallError::Unreachable => Self::new(SubmitResult::Unreachable, Cause::NoConnection),
            CallError::Unanswered => Self::silent(),
        }
    }

    /// The message was sent, and no answer came.
    pub(super) fn silent() -> Self {
        Self::new(SubmitResult::Indeterminate { silent: true }, Cause::NoAnswer)
    }

    /// The statuses that mean the same at every HTTP gateway, checked before its own error table: 429, 503 with a time,
    /// and other 5xx.
    pub(super) fn of_status(answer: &Answer) -> Option<Self> {
        let result = match (answer.status.as_u16(), answer.retry_after) {
            (429, retry_after) => SubmitResult::Throttled { retry_after },
            (503, Some(retry_after)) => SubmitResult::Deferred { retry_after },
            (500.., _) => SubmitResult::Indeterminate { silent: false },
            _ => return None,
        };
        Some(Self::new(result, Cause::Status(answer.status.as_u16())))
    }
}

impl From<SubmitResult> for Submission {
    fn from(result: SubmitResult) -> Self {
        Self { result, cause: None }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            Self::Code(code) => write!(f, "code {code}"),
            Self::CommandStatus(status) => write!(f, "command_status {status:#04x}"),
            Self::NoConnection => f.write_str("no connection"),
            Self::NoAnswer => f.write_str("no answer"),
            Self::Unreadable => f.write_str("an answer that cannot be read"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(seconds: u64) -> SubmitResult {
        SubmitResult::Throttled { retry_after: Some(Duration::from_secs(seconds)) }
    }

    fn deferred(seconds: u64) -> SubmitResult {
        SubmitResult::Deferred { retry_after: Duration::from_secs(seconds) }
    }

    #[test]
    fn only_a_message_that_was_not_taken_is_left_to_others() {
        let held = SubmitResult::Held { retry_after: None };
        for result in
            [held, busy(1), deferred(1), SubmitResult::Unreachable, SubmitResult::ChannelUnavailable]
        {
            assert!(result.leaves_it_to_others(), "{result:?}");
        }
        let taken = SubmitResult::Accepted { message_id: None };
        let [failed, silent] = [false, true].map(|silent| SubmitResult::Indeterminate { silent });
        for result in [taken, SubmitResult::Rejected, failed, silent] {
            assert!(!result.leaves_it_to_others(), "{result:?}");
        }
    }

    #[test]
    fn a_message_was_handed_over_unless_no_gateway_saw_it() {
        for result in [SubmitResult::Held { retry_after: None }, SubmitResult::Unreachable] {
            assert!(!result.was_handed_over(), "{result:?}");
        }
        let taken = SubmitResult::Accepted { message_id: None };
        let [failed, silent] = [false, true].map(|silent| SubmitResult::Indeterminate { silent });
        let closed = SubmitResult::ChannelUnavailable;
        for result in [taken, SubmitResult::Rejected, failed, silent, closed, busy(1), deferred(1)] {
            assert!(result.was_handed_over(), "{result:?}");
        }
    }

    #[test]
    fn a_failure_of_the_connection_leaves_nothing_open_and_silence_does() {
        assert_eq!(Submission::unanswered(CallError::Unreachable).result, SubmitResult::Unreachable);
        let silent = SubmitResult::Indeterminate { silent: true };
        assert_eq!(Submission::unanswered(CallError::Unanswered).result, silent);
    }

    #[test]
    fn what_can_be_hoped_for_first_is_what_is_answered() {
        let closed = SubmitResult::ChannelUnavailable;
        let timeless = || SubmitResult::Throttled { retry_after: None };
        for (one, other, expected) in [
            (closed.clone(), busy(9), busy(9)),
            (busy(9), closed.clone(), busy(9)),
            (busy(9), busy(3), busy(3)),
            (deferred(3), busy(9), deferred(3)),
            (timeless(), busy(9), busy(9)),
            (busy(9), timeless(), busy(9)),
            (timeless(), closed.clone(), timeless()),
            (closed.clone(), timeless(), timeless()),
            (busy(9), SubmitResult::Unreachable, SubmitResult::Unreachable),
            (SubmitResult::Unreachable, busy(9), SubmitResult::Unreachable),
            (closed.clone(), SubmitResult::Unreachable, SubmitResult::Unreachable),
            (closed.clone(), closed.clone(), closed),
        ] {
            assert_eq!(one.clone().or_sooner(other.clone()), expected, "{one:?} {other:?}");
        }
    }
}
