//! How long a job waits before its next try. Whether there is one depends on the job's deadline, which the queue keeps.

use std::time::Duration;

use shared::runtime::backoff::Backoff;

/// Upper bounds of the waits: 1, 4, then 15 s. The job's age decides which applies, so that the message needs no count
/// of tries.
const BACKOFF: Backoff = Backoff::between(Duration::from_secs(1), Duration::from_secs(15)).times(4);

/// Longest wait accepted from an upstream's `Retry-After`: a service that asks for a day does not know that a job lives
/// five minutes.
const LONGEST_ASKED: Duration = Duration::from_mins(1);

/// Share of the time left until the deadline that our own bound may use: chance alone must not cost a job its last try.
const SHARE_OF_WHAT_IS_LEFT: u32 = 4;

/// The wait of a job accepted `age` ago with this much time `left`: what the service asked for, plus a random part of
/// our own bound (full jitter), so that jobs scheduled together do not return together.
pub fn wait(age: Duration, left: Duration, asked: Option<Duration>) -> Duration {
    let own = BACKOFF.wait_anywhere(BACKOFF.failures_within(age)).min(left / SHARE_OF_WHAT_IS_LEFT);
    asked.unwrap_or_default().min(LONGEST_ASKED) + own
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    const LEFT: Duration = Duration::from_mins(5);

    #[test]
    fn near_the_deadline_waits_are_short() {
        assert!((0..100).all(|_| wait(millis(16_000), millis(8_000), None) <= millis(2_000)));
    }

    #[test]
    fn waits_spread_over_the_whole_bound() {
        let waits: Vec<_> = (0..1_000).map(|_| wait(millis(2_000), LEFT, None)).collect();
        assert!(waits.iter().all(|wait| *wait <= millis(4_000)));
        assert!(
            waits.iter().any(|wait| *wait < millis(1_000)) && waits.iter().any(|wait| *wait > millis(3_000))
        );
    }

    #[test]
    fn it_never_comes_back_sooner_than_asked() {
        let asked = wait(millis(0), LEFT, Some(Duration::from_secs(30)));
        assert!((millis(30_000)..=millis(31_000)).contains(&asked), "{asked:?}");
    }

    #[test]
    fn an_absurd_request_is_capped() {
        assert!(wait(millis(0), LEFT, Some(Duration::from_hours(24))) <= millis(61_000));
    }
}
