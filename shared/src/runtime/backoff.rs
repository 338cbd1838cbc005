//! Waits between attempts: they double from the shortest to the longest, with jitter, so that many processes that lost
//! the same peer do not come back to it at the same moment.

use std::time::Duration;

/// Doublings after which no wait grows any more; keeps the shift in range.
const MAX_DOUBLINGS: u32 = 16;

/// The bounds of a wait.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    shortest: Duration,
    longest: Duration,
}

impl Backoff {
    /// Waits that grow from `shortest` to `longest`.
    pub const fn between(shortest: Duration, longest: Duration) -> Self {
        Self { shortest, longest }
    }

    /// How long to wait after so many failures before this one: a random half to whole of the grown wait.
    pub fn wait(&self, failures_before: u32) -> Duration {
        self.grown(failures_before).mul_f64(rand::random_range(0.5..1.0))
    }

    /// The wait without jitter.
    pub fn grown(&self, failures_before: u32) -> Duration {
        let factor = 1 << failures_before.min(MAX_DOUBLINGS);
        self.shortest.saturating_mul(factor).min(self.longest)
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
        }
    }
}
