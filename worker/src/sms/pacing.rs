//! Channels that have a rate: a message waits for its turn there, among those of all workers.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use shared::sending::limits::{RateLimiter, Slot};
use shared::telemetry::LogThrottle;
use tokio::time::sleep;

/// Wait before a turn is asked for again where Redis could not be asked: without it nothing goes to a channel that has
/// a rate.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// The channels' rates and the turns of them.
pub(super) struct Pacing {
    pace: RateLimiter,
    rates: HashMap<&'static str, NonZeroU32>,
}

impl Pacing {
    /// Turns at these rates; nothing where no channel has one, and then nobody is asked.
    pub(super) fn new(pace: RateLimiter, rates: HashMap<&'static str, NonZeroU32>) -> Option<Self> {
        (!rates.is_empty()).then_some(Self { pace, rates })
    }

    /// Waits for the channel's turn if it comes within `longest`, else says how long none has to be hoped for.
    pub(super) async fn turn(&self, channel: &'static str, longest: Duration) -> Result<(), Duration> {
        static THROTTLE: LogThrottle = LogThrottle::new();
        let Some(rate) = self.rates.get(channel) else { return Ok(()) };
        match self.pace.slot(channel, *rate, longest).await {
            Ok(Slot::After(wait)) => {
                if !wait.is_zero() {
                    sleep(wait).await;
                }
                Ok(())
            }
            Ok(Slot::NoneBefore(wait)) => Err(wait),
            Err(error) => {
                if let Some(suppressed) = THROTTLE.allow() {
                    tracing::warn!(%error, suppressed, channel, "no turn at the channel: messages wait");
                }
                Err(AFTER_ERROR)
            }
        }
    }
}
