//! The consumer group all workers read through.

use crate::redis::RedisError;

use super::{GROUP, Queue, QueueError};

impl Queue {
    /// Makes the consumer group where it is missing, at the beginning of the stream: what is in there is unread.
    pub async fn make_group(&self) -> Result<(), QueueError> {
        let mut command = ::redis::cmd("XGROUP");
        command.arg("CREATE").arg(self.keys().stream()).arg(GROUP).arg("0").arg("MKSTREAM");
        match self.redis().command::<()>(&command).await {
            Err(RedisError::Refused(error)) if error.code() == Some("BUSYGROUP") => Ok(()),
            made => Ok(made?),
        }
    }
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
