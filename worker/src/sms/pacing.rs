//! Channels that have a rate: a message waits for a slot there, shared by all workers.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use shared::sending::limits::{RateLimiter, Slot};
use shared::telemetry::LogThrottle;
use tokio::time::sleep;

/// Wait before the next try where Redis could not be asked for a slot: without it nothing goes to a channel that has
/// a rate.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// The channels' rates, and what hands out their slots.
pub(super) struct Pacing {
    limiter: RateLimiter,
    rates: HashMap<&'static str, NonZeroU32>,
}

impl Pacing {
    /// Keeps to these rates; `None` where no channel has one.
    pub(super) fn new(limiter: RateLimiter, rates: HashMap<&'static str, NonZeroU32>) -> Option<Self> {
        (!rates.is_empty()).then_some(Self { limiter, rates })
    }

    /// Waits for the channel's next slot if it comes within `longest`. The error is how long there is none.
    pub(super) async fn slot(&self, channel: &'static str, longest: Duration) -> Result<(), Duration> {
        static THROTTLE: LogThrottle = LogThrottle::new();
        let Some(rate) = self.rates.get(channel) else { return Ok(()) };
        match self.limiter.slot(channel, *rate, longest).await {
            Ok(Slot::After(wait)) => {
                if !wait.is_zero() {
                    sleep(wait).await;
                }
                Ok(())
            }
            Ok(Slot::NoneBefore(wait)) => Err(wait),
            Err(error) => {
                if let Some(suppressed) = THROTTLE.allow() {
                    tracing::warn!(%error, suppressed, channel, "Redis could not be asked for a slot at the channel: messages wait");
                }
                Err(AFTER_ERROR)
            }
        }
    }
}
