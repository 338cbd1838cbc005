//! The results of a job's earlier tries that decide which channel may take its message now.

use std::time::{Duration, Instant};

/// How many 503s with a time are believed, over all tries of a job.
pub const BELIEVED_MOST: u32 = 2;

/// How many outcomes may leave it open whether the message was taken, over all tries of a job; then it fails.
pub const OPEN_MOST: u32 = 2;

/// The earlier tries of a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SendHistory {
    /// When a try last left it open whether the message was taken.
    pub left_open: Option<Instant>,
    /// Tries that left it open.
    pub open: u32,
    /// 503s with a time that were believed.
    pub believed: u32,
    /// Whether the job was retried or taken over before.
    pub is_retry: bool,
    /// When half of the job's deadline has passed; `None` if unknown, and then nothing waits for it.
    pub half_deadline: Option<Instant>,
}

impl SendHistory {
    /// Nothing was handed over before.
    pub const NONE: Self =
        Self { left_open: None, open: 0, believed: 0, is_retry: false, half_deadline: None };

    /// Whether one more 503 with a time is believed.
    pub(crate) fn believes(&self) -> bool {
        self.believed < BELIEVED_MOST
    }

    /// The time until half of the deadline has passed.
    pub(super) fn until_half_the_deadline(&self) -> Option<Duration> {
        let wait = self.half_deadline?.saturating_duration_since(Instant::now());
        (!wait.is_zero()).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_with_a_time_is_believed_twice() {
        for (believed, expected) in [(0, true), (1, true), (2, false), (3, false)] {
            assert_eq!(SendHistory { believed, ..SendHistory::NONE }.believes(), expected, "{believed}");
        }
    }

    #[test]
    fn half_of_the_deadline_is_waited_for_while_it_lies_ahead() {
        let until =
            |half_deadline| SendHistory { half_deadline, ..SendHistory::NONE }.until_half_the_deadline();
        assert_eq!(until(None), None);
        assert_eq!(until(Instant::now().checked_sub(Duration::from_millis(1))), None);
        let ahead = until(Some(Instant::now() + Duration::from_mins(1))).unwrap();
        assert!(ahead > Duration::from_secs(50) && ahead <= Duration::from_mins(1), "{ahead:?}");
    }
}
