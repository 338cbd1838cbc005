//! Channels with a rate: each message waits for a slot; all workers share the slots.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use shared::sending::limits::{RateLimiter, Slot};
use shared::telemetry::LogThrottle;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::sleep;

/// Wait before the next try if Redis could not be asked for a slot: without one nothing goes to a channel with a rate.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// How long an unused slot is valid for another message.
const UNUSED_FOR: Duration = Duration::from_secs(1);

/// How many slots a worker reserves ahead, as part of a second: enough to use the full rate, while a worker that dies
/// loses few.
const AHEAD: u32 = 4;

/// The channels' rates, and the limiter that allots their slots.
pub(super) struct Pacing {
    limiter: RateLimiter,
    rates: HashMap<&'static str, NonZeroU32>,
    ahead: Semaphore,
    unused: Mutex<Vec<(&'static str, Instant)>>,
}

impl Pacing {
    /// Keeps to these rates; `None` if no channel has one.
    pub(super) fn new(limiter: RateLimiter, rates: HashMap<&'static str, NonZeroU32>) -> Option<Self> {
        let sum: u32 = rates.values().map(|rate| rate.get()).fold(0, u32::saturating_add);
        let ahead = Semaphore::new(sum.div_ceil(AHEAD) as usize);
        (!rates.is_empty()).then(|| Self { limiter, rates, ahead, unused: Mutex::default() })
    }

    /// The channel's rate, messages a second; `None`: unlimited.
    pub(super) fn per_second(&self, channel: &str) -> Option<NonZeroU32> {
        self.rates.get(channel).copied()
    }

    /// Waits, first come first served, until this worker may reserve one more slot.
    pub(super) async fn ahead(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.ahead.acquire().await.ok()
    }

    /// How far ahead a slot in that order may be; beyond it another channel is tried, if there is one.
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

    /// Leaves an unused slot to the next message.
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
