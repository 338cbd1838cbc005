//! Time that also passes while the machine is suspended. `Instant` does not, so a permit of a few seconds would still
//! be valid after a night's sleep.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

#[cfg(target_os = "linux")]
const CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const CLOCK: ClockId = ClockId::Monotonic;

/// A moment on the clock that runs since the machine was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootTime(Duration);

impl BootTime {
    /// Now.
    pub fn now() -> Self {
        let time = clock_gettime(CLOCK);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        Self(Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0)))
    }

    /// The time since then.
    pub fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_passes_with_the_usual_clock() {
        let (start, usual) = (BootTime::now(), std::time::Instant::now());
        while usual.elapsed() < Duration::from_millis(5) {
            std::hint::spin_loop();
        }
        assert!(start.elapsed() >= Duration::from_millis(5), "{:?}", start.elapsed());
    }
}
