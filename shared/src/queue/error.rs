//! Why a step of the queue was not done.

use crate::redis::RedisError;

/// Why a step of the queue was not done.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Redis did not do it.
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// Redis answered what no script of ours answers.
    #[error("a record in Redis has an unexpected form: {0}")]
    Corrupt(&'static str),
    /// `RESEND_STRICT` is set, and Redis would lose or evict what it is given, or was not looked at yet.
    #[error("Redis, as it is configured, may lose accepted jobs, and RESEND_STRICT forbids that")]
    Unsafe,
}

impl QueueError {
    /// Written, but not confirmed by as many replicas as were asked for.
    pub(super) fn is_unconfirmed(&self) -> bool {
        matches!(self, Self::Redis(RedisError::Unconfirmed { .. }))
    }

    /// What the keys of a job hold is to blame, so that the same call fails again.
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
