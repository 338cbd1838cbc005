//! How long a job waits before its next try. Whether there is one is for the job's deadline to say, which the queue
//! keeps.

use std::time::Duration;

use shared::runtime::backoff::Backoff;

/// Upper bounds of the waits: 1, 4, then 15 s. Which holds is told by the age of the job, which is known without counting
/// tries in the message.
const BACKOFF: Backoff = Backoff::between(Duration::from_secs(1), Duration::from_secs(15)).times(4);

/// Longest wait taken from an upstream service's `Retry-After`: one that asks for a day has not thought of us, and a
/// job lives five minutes.
const LONGEST_ASKED: Duration = Duration::from_mins(1);

/// Part of the time that is left until the deadline that our own bound may take: chance alone must not cost a job its
/// last try.
const SHARE_OF_WHAT_IS_LEFT: u32 = 4;

/// The wait of a job accepted `age` ago that has so much time `left`: what the service asked for, and on top a random part
/// of our own bound (full jitter), so that jobs put back together do not return together.
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
