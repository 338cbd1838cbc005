//! Channels that have a rate: a message waits for a slot there, shared by all workers.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use shared::sending::limits::{RateLimiter, Slot};
use shared::telemetry::LogThrottle;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::sleep;

/// Wait before the next try where Redis could not be asked for a slot: without it nothing goes to a channel that has
/// a rate.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// How long a slot that was not used is good for another message.
const UNUSED_FOR: Duration = Duration::from_secs(1);

/// Part of a second whose slots a worker asks for ahead: enough to use the rate to the full, and little is lost with a
/// worker that dies.
const AHEAD: u32 = 4;

/// The channels' rates, and what hands out their slots.
pub(super) struct Pacing {
    limiter: RateLimiter,
    rates: HashMap<&'static str, NonZeroU32>,
    ahead: Semaphore,
    unused: Mutex<Vec<(&'static str, Instant)>>,
}

impl Pacing {
    /// Keeps to these rates; `None` where no channel has one.
    pub(super) fn new(limiter: RateLimiter, rates: HashMap<&'static str, NonZeroU32>) -> Option<Self> {
        let sum: u32 = rates.values().map(|rate| rate.get()).fold(0, u32::saturating_add);
        let ahead = Semaphore::new(sum.div_ceil(AHEAD) as usize);
        (!rates.is_empty()).then(|| Self { limiter, rates, ahead, unused: Mutex::default() })
    }

    /// The channel's rate, messages a second; `None`: it has none.
    pub(super) fn per_second(&self, channel: &str) -> Option<NonZeroU32> {
        self.rates.get(channel).copied()
    }

    /// Waits, in the order of asking, until this worker may ask for one more slot ahead.
    pub(super) async fn ahead(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed.
        self.ahead.acquire().await.ok()
    }

    /// How far ahead a slot may lie that is asked for in that order; beyond it another channel is asked, where there is one.
    pub(super) fn near(&self, channel: &str, is_only: bool) -> Duration {
        if is_only {
            return Duration::MAX;
        }
        let between = self.per_second(channel).map(|rate| Duration::from_secs(1) / rate.get());
        between.unwrap_or_default().max(Duration::from_secs(1) / AHEAD)
    }

    /// Waits for the channel's next slot if it comes within `longest`. The error is how long there is none.
    pub(super) async fn slot(&self, channel: &'static str, longest: Duration) -> Result<(), Duration> {
        match self.take(channel, longest).await {
            Some(Slot::After(wait)) => {
                if !wait.is_zero() {
                    sleep(wait).await;
                }
                Ok(())
            }
            Some(Slot::NoneBefore(wait)) => Err(wait),
            None => Err(AFTER_ERROR),
        }
    }

    /// Takes the channel's next slot if it comes within `longest`; `None`: Redis could not be asked.
    pub(super) async fn take(&self, channel: &'static str, longest: Duration) -> Option<Slot> {
        static THROTTLE: LogThrottle = LogThrottle::new();
        let rate = self.per_second(channel);
        let Some(rate) = rate.filter(|_| !self.take_unused(channel)) else {
            return Some(Slot::After(Duration::ZERO));
        };
        let asked = self.limiter.slot(channel, rate, longest).await;
        if let Err(error) = &asked
            && let Some(suppressed) = THROTTLE.allow()
        {
            tracing::warn!(%error, suppressed, channel, "Redis could not be asked for a slot at the channel: messages wait");
        }
        asked.ok()
    }

    /// Leaves a slot that was not used to the next message.
    pub(super) fn give_back(&self, channel: &'static str) {
        if self.rates.contains_key(channel) {
            self.unused().push((channel, Instant::now()));
        }
    }

    fn take_unused(&self, channel: &str) -> bool {
        let mut unused = self.unused();
        unused.retain(|(_, since)| since.elapsed() < UNUSED_FOR);
        let found = unused.iter().position(|(of, _)| *of == channel);
        found.map(|index| unused.swap_remove(index)).is_some()
    }

    fn unused(&self) -> MutexGuard<'_, Vec<(&'static str, Instant)>> {
        self.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
