//! Limits on messages to a phone, for a patient, of a client and of the whole fleet (`RESEND_LIMIT_PER_*`,
//! `RESEND_LIMIT_TOTAL_MINUTE`), shared by all workers through Redis, and the rates of channels. What counts against a
//! limit is read and written with the permit to send; those per approval are checked when a request is accepted.

mod rate_limiter;

pub use rate_limiter::{RateLimiter, Slot};

use crate::domain::outcome::Reason;

/// Every limit on messages.
const ALL: [Reason; 5] =
    [Reason::PhoneHour, Reason::PhoneDay, Reason::PatientDay, Reason::ClientMinute, Reason::TotalMinute];

/// A limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitExceeded {
    /// The limit.
    pub limit: Reason,
    /// When it lets the next message through, milliseconds since the epoch by Redis' clock.
    pub next_attempt_ms: u64,
}

impl LimitExceeded {
    /// The limit that a script names; `None` if there is no such limit.
    pub(crate) fn of(name: &str, next_attempt_ms: u64) -> Option<Self> {
        let limit = ALL.into_iter().find(|limit| limit.as_str() == name)?;
        Some(Self { limit, next_attempt_ms })
    }
}
