//! The consumer group all workers read through.

use super::deliveries::Deliveries;
use crate::queue::error::QueueError;
use crate::queue::keys::GROUP;
use crate::redis::RedisError;

impl Deliveries {
    /// Makes the consumer group where it is missing, at the beginning of the stream: what is in there is unread.
    pub async fn make_group(&self) -> Result<(), QueueError> {
        let mut command = ::redis::cmd("XGROUP");
        command.arg("CREATE").arg(self.core.keys.stream()).arg(GROUP).arg("0").arg("MKSTREAM");
        match self.core.redis.command::<()>(&command).await {
            Err(RedisError::Refused(error)) if error.code() == Some("BUSYGROUP") => Ok(()),
            made => Ok(made?),
        }
    }
}
