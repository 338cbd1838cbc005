//! Waits between attempts: they grow from the shortest to the longest, by default doubling each time, with jitter, so
//! that the many clients that lost the same peer do not return at the same moment.

use std::time::Duration;

/// Failures after which a wait no longer grows; keeps the factor in range.
const MAX_GROWTH: u32 = 15;

/// The bounds of a wait.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    shortest: Duration,
    longest: Duration,
    factor: u32,
}

impl Backoff {
    /// Waits that grow from `shortest` to `longest`.
    pub const fn between(shortest: Duration, longest: Duration) -> Self {
        Self { shortest, longest, factor: 2 }
    }

    /// Multiplies each wait by this factor; at most four.
    #[must_use]
    pub const fn times(self, factor: u32) -> Self {
        Self { factor, ..self }
    }

    /// How long to wait after this many failures: a random half to whole of the wait without jitter.
    pub fn wait(&self, failures_before: u32) -> Duration {
        self.grown(failures_before).mul_f64(rand::random_range(0.5..1.0))
    }

    /// Any time up to the wait without jitter (full jitter): for many clients that failed at one moment.
    pub fn wait_anywhere(&self, failures_before: u32) -> Duration {
        self.grown(failures_before).mul_f64(rand::random_range(0.0..=1.0))
    }

    /// The wait without jitter.
    pub fn grown(&self, failures_before: u32) -> Duration {
        let factor = self.factor.saturating_pow(failures_before.min(MAX_GROWTH));
        self.shortest.saturating_mul(factor).min(self.longest)
    }

    /// How many failures fit into this time, had each wait lasted its maximum.
    pub fn failures_within(&self, time: Duration) -> u32 {
        let mut waited = Duration::ZERO;
        let fits = |failures: &u32| {
            waited += self.grown(*failures);
            waited <= time && self.grown(*failures) < self.longest
        };
        u32::try_from((0..MAX_GROWTH).take_while(fits).count()).unwrap_or(MAX_GROWTH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_are_spread_over_their_upper_half() {
        let backoff = Backoff::between(Duration::from_millis(50), Duration::from_secs(1));
        let grown = [0, 1, 2, 5, 1_000].map(|failures| backoff.grown(failures).as_millis());
        assert_eq!(grown, [50, 100, 200, 1_000, 1_000]);
        for failures in 0..10 {
            let (wait, grown) = (backoff.wait(failures), backoff.grown(failures));
            assert!(wait >= grown / 2 && wait <= grown, "{wait:?} of {grown:?}");
            assert!(backoff.wait_anywhere(failures) <= grown);
        }
    }

    #[test]
    fn the_failures_behind_somebody_are_known_by_the_time() {
        let backoff = Backoff::between(Duration::from_secs(1), Duration::from_secs(15)).times(4);
        assert_eq!([0, 1, 2, 9].map(|failures| backoff.grown(failures).as_secs()), [1, 4, 15, 15]);
        for (age, failures) in [(0, 0), (999, 0), (1_000, 1), (4_999, 1), (5_000, 2), (299_000, 2)] {
            assert_eq!(backoff.failures_within(Duration::from_millis(age)), failures, "{age} ms");
        }
    }
}
