//! What the prediction of a job's end uses: the slots of all live workers, and the recent mean run, which *finish* and
//! *retry later* keep. By Little's law a full fleet serves `slots / mean run` jobs a second, whatever bounds it. An
//! outage of Redis distorts neither: runs during it are not counted, and workers it silenced are not dropped.

use std::time::Duration;

/// How often a worker announces that it is alive.
pub(super) const ANNOUNCED_EVERY: Duration = Duration::from_secs(1);

/// Silence after which its slots no longer count.
pub(super) const FORGOTTEN_AFTER: Duration = Duration::from_secs(5);

/// A prediction that can still come true. A past one is moved by 1, 2, 4 … s, to the first time ahead: a late job is
/// expected to be as late again, and a polling client sees the same time for a while. Milliseconds since the epoch.
pub fn still_ahead(eta_ms: u64, now_ms: u64) -> u64 {
    match now_ms.checked_sub(eta_ms) {
        None => eta_ms,
        Some(late) => eta_ms + (late / 1_000 + 1).next_power_of_two() * 1_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prediction_that_has_passed_is_moved_ahead_and_stays_there_for_a_while() {
        for (late, moved) in [(0, 1), (999, 1), (1_000, 2), (1_999, 2), (2_000, 4), (3_999, 4), (4_000, 8)] {
            assert_eq!(still_ahead(100_000, 100_000 + late), 100_000 + moved * 1_000, "{late} ms late");
        }
        assert_eq!(still_ahead(100_000, 99_999), 100_000);
        assert!(still_ahead(0, u64::from(u32::MAX) * 1_000) > u64::from(u32::MAX) * 1_000);
    }
}
