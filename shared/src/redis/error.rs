//! Why Redis gave no answer, and what follows for the link and the next attempt.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ::redis::{ErrorKind, RedisResult, ServerErrorKind};
use futures_util::FutureExt;
use tokio::time::timeout;

/// Longest a command may take, including the connect if it needs one: within it, a request is refused in 2.5 s.
const COMMAND_LIMIT: Duration = Duration::from_millis(1_500);

/// Why Redis gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RedisError {
    /// No connection, or it broke in use.
    #[error("Redis is unreachable: {0}")]
    Unreachable(#[source] Arc<::redis::RedisError>),
    /// No answer within the time limit.
    #[error("Redis did not answer within {} ms", .0.as_millis())]
    Silent(Duration),
    /// An error answer: read-only, out of memory, loading, a wrong type.
    #[error("Redis refused: {0}")]
    Refused(#[source] Arc<::redis::RedisError>),
    /// Written, but not confirmed by enough replicas.
    #[error("the write was confirmed by {confirmed} of {wanted} replicas")]
    Unconfirmed {
        /// Replicas that confirmed in time.
        confirmed: u64,
        /// `RESEND_REDIS_MIN_REPLICAS`.
        wanted: u64,
    },
}

impl RedisError {
    /// Whether the link is useless: broken, silent, or leading to a server that is no longer the master.
    pub(super) fn breaks_link(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Silent(_) => true,
            Self::Refused(error) => error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly),
            Self::Unconfirmed { .. } => false,
        }
    }

    /// Whether sending it again at once may help. Not after a time-out, which has used up the time for an answer.
    pub(super) fn may_repeat(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Silent(_) | Self::Unconfirmed { .. } => false,
            Self::Refused(error) => error.kind() == ErrorKind::Server(ServerErrorKind::NoScript),
        }
    }

    /// Whether one item of a batch may have caused it by the content of its keys, rather than the server or the link.
    pub(super) fn may_be_of_one_item(&self) -> bool {
        matches!(self, Self::Refused(error) if matches!(error.code(), Some("ERR" | "WRONGTYPE")))
    }

    pub(super) fn source_error(&self) -> Arc<::redis::RedisError> {
        match self {
            Self::Unreachable(error) | Self::Refused(error) => error.clone(),
            Self::Silent(_) | Self::Unconfirmed { .. } => {
                Arc::new((ErrorKind::Io, "no answer within the time limit").into())
            }
        }
    }
}

impl From<::redis::RedisError> for RedisError {
    fn from(error: ::redis::RedisError) -> Self {
        if error.is_io_error() || error.is_connection_dropped() || error.is_timeout() {
            Self::Unreachable(Arc::new(error))
        } else {
            Self::Refused(Arc::new(error))
        }
    }
}

/// Runs one round trip within the time limit of a command. Not an `async fn`, whose future would hold the round trip
/// twice: as an argument and as the awaited value.
pub(super) fn within<T>(
    answer: impl Future<Output = RedisResult<T>>,
) -> impl Future<Output = Result<T, RedisError>> {
    timeout(COMMAND_LIMIT, answer).map(|answer| match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(RedisError::Silent(COMMAND_LIMIT)),
    })
}
