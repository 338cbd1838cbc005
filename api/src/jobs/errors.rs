//! What the queue's errors and limits mean for a client.

use metrics::counter;
use shared::domain::outcome::Reason;
use shared::queue::QueueError;
use shared::telemetry::{LogThrottle, metric};

use crate::responses::error::ApiError;

/// Counts a request that a limit refuses, and returns the refusal.
pub(crate) fn limited(limit: Reason, next_attempt_ms: u64, now_ms: u64) -> ApiError {
    counter!(metric::LIMIT_HITS, "limit" => limit.as_str()).increment(1);
    ApiError::LimitReached { limit, next_attempt_ms, now_ms }
}

/// Logs an error of the queue, at most once a second because every request fails during an outage, and returns the
/// refusal: 503 for failures of Redis, 500 for records that none of our builds wrote.
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
