//! The errors of predictions, compared with the requirements.

use std::time::Duration;

/// A share of the predictions and their allowed error: a fixed time, or a share of the wait if that is more.
#[derive(Clone, Copy)]
pub(crate) struct Bound {
    /// Name of the quantile.
    pub(crate) name: &'static str,
    quantile: f64,
    seconds: f64,
    share: f64,
}

/// The requirements.
pub(crate) const BOUNDS: [Bound; 2] = [
    Bound { name: "median", quantile: 0.5, seconds: 0.5, share: 0.1 },
    Bound { name: "p90", quantile: 0.9, seconds: 1.0, share: 0.25 },
];

/// One prediction and the actual end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Promise {
    /// When it was made, milliseconds since the epoch.
    pub(crate) made_ms: u64,
    /// How long the job then took, seconds.
    pub(crate) wait: f64,
    /// The error of the prediction, seconds.
    pub(crate) error: f64,
}

impl Promise {
    /// A prediction made at one time for another, and the job's end; milliseconds since the epoch.
    pub(crate) fn new(made_ms: u64, eta_ms: u64, ended_ms: u64) -> Self {
        let seconds = |millis: u64| Duration::from_millis(millis).as_secs_f64();
        let wait = seconds(ended_ms.saturating_sub(made_ms));
        Self { made_ms, wait, error: seconds(eta_ms.abs_diff(ended_ms)) }
    }
}

impl Bound {
    /// The allowed error, seconds.
    fn of(self, wait: f64) -> f64 {
        (self.share * wait).max(self.seconds)
    }

    /// The error that this share of the predictions stays within, relative to the allowed one: good up to 1.
    pub(crate) fn used(self, promises: &[Promise]) -> f64 {
        quantile(promises.iter().map(|one| one.error / self.of(one.wait)).collect(), self.quantile)
    }

    /// The same in seconds.
    pub(crate) fn error(self, promises: &[Promise]) -> f64 {
        quantile(promises.iter().map(|one| one.error).collect(), self.quantile)
    }

    /// The requirement in words.
    pub(crate) fn words(self, promises: &[Promise]) -> String {
        let wait = quantile(promises.iter().map(|one| one.wait).collect(), 0.5);
        format!("max({} s, {:.0} % of {wait:.1} s)", self.seconds, self.share * 100.0)
    }
}

/// How long after a change predictions were good again and stayed so: the end of the last window of this length whose
/// median missed the requirement. Seconds.
pub(crate) fn followed_after(promises: &[Promise], change_ms: u64, window_ms: u64) -> f64 {
    let window_of = |one: &Promise| one.made_ms.saturating_sub(change_ms) / window_ms;
    let last = promises.iter().map(window_of).max().unwrap_or(0);
    let missed = |window: &u64| {
        let of_window: Vec<_> = promises.iter().filter(|one| window_of(one) == *window).copied().collect();
        !of_window.is_empty() && BOUNDS[0].used(&of_window) > 1.0
    };
    let after = (0..=last).rev().find(missed).map_or(0, |window| (window + 1) * window_ms);
    Duration::from_millis(after).as_secs_f64()
}

/// By nearest rank.
fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let rank = (values.len() as f64 * share).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_held_against_the_time_or_the_share_whichever_is_more() {
        let (short, long) = (Promise::new(0, 1_250, 1_000), Promise::new(0, 110_000, 100_000));
        let used = |promise| BOUNDS.map(|bound| bound.used(&[promise]));
        assert_eq!((used(short), used(long)), ([0.5, 0.25], [1.0, 0.4]));
        // Too early is as bad as too late.
        let error = |promise: Promise| promise.error.to_bits();
        assert_eq!(error(Promise::new(0, 900, 1_000)), error(Promise::new(0, 1_100, 1_000)));
    }

    #[test]
    fn quantiles_are_nearest_ranks() {
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        assert_eq!((quantile(values.clone(), 0.5), quantile(values, 0.9)), (5.0, 9.0));
        assert!(quantile(Vec::new(), 0.5).is_nan());
    }

    #[test]
    fn a_change_is_followed_after_the_last_window_that_missed() {
        let made = |at: u64, error: u64| Promise::new(at, at + 1_000 + error, at + 1_000);
        let all = [made(100, 900), made(600, 100), made(1_100, 900), made(1_600, 100)];
        assert!((followed_after(&all, 0, 500) - 1.5).abs() < 1e-9);
        assert!(followed_after(&all[3..], 0, 500).abs() < 1e-9);
    }
}
