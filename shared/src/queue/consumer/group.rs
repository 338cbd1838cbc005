//! The consumer group all workers read through.

use super::deliveries::Deliveries;
use crate::queue::error::QueueError;
use crate::queue::keys::GROUP;
use crate::redis::RedisError;

impl Deliveries {
    /// Creates the consumer group if it is missing, at the beginning of the stream, whose entries are all unread.
    pub async fn make_group(&self) -> Result<(), QueueError> {
        let mut command = ::redis::cmd("XGROUP");
        command.arg("CREATE").arg(self.core.keys.stream()).arg(GROUP).arg("0").arg("MKSTREAM");
        match self.core.redis.command::<()>(&command).await {
            Err(RedisError::Refused(error)) if error.code() == Some("BUSYGROUP") => Ok(()),
            made => Ok(made?),
        }
    }
}
