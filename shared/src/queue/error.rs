//! Why a step of the queue was not done.

use crate::redis::RedisError;

/// Why a step of the queue was not done.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Redis failed.
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// An answer that none of our scripts gives.
    #[error("a record in Redis has an unexpected form: {0}")]
    Corrupt(&'static str),
    /// `RESEND_STRICT` is set, and Redis would lose or evict jobs, or was not checked yet.
    #[error("Redis, as it is configured, may lose accepted jobs, and RESEND_STRICT forbids that")]
    Unsafe,
}

impl QueueError {
    /// Written, but not confirmed by as many replicas as required.
    pub(super) fn is_unconfirmed(&self) -> bool {
        matches!(self, Self::Redis(RedisError::Unconfirmed { .. }))
    }

    /// Whether the content of a job's keys caused it, so that the same call would fail again.
    pub(super) fn is_broken(&self) -> bool {
        match self {
            Self::Corrupt(_) => true,
            Self::Redis(RedisError::Refused(error)) => matches!(error.code(), Some("ERR" | "WRONGTYPE")),
            _ => false,
        }
    }

    /// The consumer group, and with it every delivery, is gone: `FLUSHALL`, or a restart without persistence.
    pub(super) fn is_no_group(&self) -> bool {
        matches!(self, Self::Redis(RedisError::Refused(error)) if error.to_string().contains("NOGROUP"))
    }
}
