//! What the queue's errors mean for a client.

use shared::queue::QueueError;
use shared::telemetry::LogThrottle;

use crate::responses::error::ApiError;

/// Logs an error of the queue, once a second at most because every request fails during an outage, and answers the
/// refusal: 503 for what Redis did not do, 500 for records that no build of ours wrote.
pub(crate) fn refusal(error: &QueueError) -> ApiError {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Some(suppressed) = THROTTLE.allow() {
        tracing::warn!(%error, suppressed, "the queue is unavailable: requests are answered 503");
    }
    match error {
        QueueError::Redis(_) | QueueError::Unsafe => ApiError::RedisUnavailable,
        QueueError::Corrupt(_) => ApiError::Internal,
    }
}
