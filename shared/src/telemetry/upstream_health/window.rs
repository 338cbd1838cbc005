//! Calls of the last quarter of an hour in slices of ten seconds, and their durations.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

const SLICE: Duration = Duration::from_secs(10);
const SLICES: usize = 90;
const SLICES_OF_A_MINUTE: u64 = 6;

/// Upper bounds of the duration buckets in milliseconds; one more bucket is for longer calls.
const BOUNDS_MS: [u64; 12] = [5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000];

/// Calls, and how many of them failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// All calls.
    pub calls: u32,
    /// Those that failed.
    pub failures: u32,
}

pub(super) struct Window {
    start: Instant,
    slices: Vec<Slice>,
}

#[derive(Clone, Copy, Default)]
struct Slice {
    /// Number of the slice since the start; one older than the window no longer counts.
    number: u64,
    totals: Totals,
    durations: [u32; BOUNDS_MS.len() + 1],
}

impl Default for Window {
    fn default() -> Self {
        Self { start: Instant::now(), slices: vec![Slice::default(); SLICES] }
    }
}

impl Window {
    pub(super) fn note(&mut self, failed: bool, took: Duration, now: Instant) {
        let number = self.number(now);
        let index = usize::try_from(number).unwrap_or_default() % SLICES;
        let slice = &mut self.slices[index];
        if slice.number != number {
            *slice = Slice { number, ..Slice::default() };
        }
        slice.totals.calls = slice.totals.calls.saturating_add(1);
        slice.totals.failures = slice.totals.failures.saturating_add(failed.into());
        let class = BOUNDS_MS.partition_point(|bound| u128::from(*bound) < took.as_millis());
        slice.durations[class] = slice.durations[class].saturating_add(1);
    }

    pub(super) fn minute(&self, now: Instant) -> Totals {
        self.totals(now, SLICES_OF_A_MINUTE)
    }

    pub(super) fn quarter(&self, now: Instant) -> Totals {
        self.totals(now, SLICES as u64)
    }

    /// The bound that 95 of 100 calls stayed within; the last one stands for all longer calls.
    pub(super) fn p95_ms(&self, now: Instant) -> Option<u64> {
        let mut classes = [0_u64; BOUNDS_MS.len() + 1];
        for slice in self.of_last(now, SLICES as u64) {
            for (class, count) in classes.iter_mut().zip(slice.durations) {
                *class += u64::from(count);
            }
        }
        let rank = (classes.iter().sum::<u64>() * 95).div_ceil(100);
        let mut below = 0;
        let class = classes.iter().position(|count| {
            below += count;
            rank > 0 && below >= rank
        })?;
        BOUNDS_MS.get(class).or(BOUNDS_MS.last()).copied()
    }

    fn totals(&self, now: Instant, slices: u64) -> Totals {
        self.of_last(now, slices).fold(Totals::default(), |sum, slice| Totals {
            calls: sum.calls.saturating_add(slice.totals.calls),
            failures: sum.failures.saturating_add(slice.totals.failures),
        })
    }

    fn of_last(&self, now: Instant, slices: u64) -> impl Iterator<Item = &Slice> {
        let number = self.number(now);
        self.slices.iter().filter(move |slice| slice.number <= number && slice.number + slices > number)
    }

    /// Older than the window, so that a slice that was never written to never counts.
    fn number(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.start).as_secs() / SLICE.as_secs() + SLICES as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_leave_the_minute_and_then_the_quarter() {
        let mut window = Window::default();
        let start = window.start;
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(window.p95_ms(start), None);
        window.note(true, Duration::from_millis(7), start);
        window.note(false, Duration::from_mins(1), at(30));
        assert_eq!(window.minute(at(30)), Totals { calls: 2, failures: 1 });
        assert_eq!(window.minute(at(65)), Totals { calls: 1, failures: 0 });
        assert_eq!(window.quarter(at(895)), Totals { calls: 2, failures: 1 });
        assert_eq!(window.quarter(at(905)), Totals { calls: 1, failures: 0 });
        window.note(true, Duration::ZERO, at(905));
        assert_eq!(window.quarter(at(905)), Totals { calls: 2, failures: 1 }, "the slice was used anew");
        assert_eq!(window.quarter(at(5_000)), Totals::default());
    }

    #[test]
    fn the_duration_is_that_which_95_of_100_kept() {
        let mut window = Window::default();
        let now = window.start;
        (0..95).for_each(|_| window.note(false, Duration::from_millis(40), now));
        (0..5).for_each(|_| window.note(false, Duration::from_secs(9), now));
        assert_eq!(window.p95_ms(now), Some(50));
        window.note(false, Duration::from_secs(9), now);
        assert_eq!(window.p95_ms(now), Some(10_000));
    }
}
