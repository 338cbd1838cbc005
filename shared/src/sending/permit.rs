//! The permit to send one message, and its outcome.

use std::sync::Arc;
use std::time::Duration;

use crate::queue::{CountedSend, SendSettlement, TakenCode};
use crate::runtime::boot_time::BootTime;
use crate::sending::codes::OfferedCode;

/// No message is started with less than this left until the deadline.
const LEAST_LEFT: Duration = Duration::from_secs(1);

/// Longest time that a permit is acted on.
const LONGEST: Duration = Duration::from_secs(10);

/// Permit to hand one message to a gateway, or to several in turn as long as none of them may have taken it.
///
/// It ends before the deadline and before the lease can end: a process that was frozen must not send with an old
/// permit, because another worker may have sent since.
#[derive(Debug)]
pub struct SendPermit {
    /// The code that can be checked from now on. None if none was requested, or if the job's code was used already:
    /// then its message arrived, whatever happened to the run that sent it.
    pub offered: Option<OfferedCode>,
    pub(crate) asked: BootTime,
    pub(crate) lasts: Duration,
    pub(crate) opens_left: u32,
    pub(crate) believed_left: u32,
    pub(crate) send: Arc<CountedSend>,
}

impl SendPermit {
    /// Whether a submit may begin now. Check before each.
    pub fn may_submit(&self) -> bool {
        self.asked.elapsed() < self.lasts
    }

    /// The code of this permit's message, which a gateway has just taken.
    pub fn taken_code(&self) -> Option<TakenCode> {
        self.offered.as_ref().map(|offered| offered.taken_after(self.asked.elapsed()))
    }

    /// Whether no further message may be sent for the job if the outcome of this one stays unknown.
    pub fn is_last(&self) -> bool {
        self.opens_left == 0
    }

    /// How many more 503s with a time may be believed, including those under this permit.
    pub fn believed_left(&self) -> u32 {
        self.believed_left
    }

    /// Records the outcome of this permit's hand-overs: how many answers of 503 with a time were believed, and whether
    /// a message may be out nevertheless (`is_open`). If none is, the message is subtracted from all limits. `None`:
    /// nothing to write, because a hand-over counts as open until it is settled.
    pub fn settle(&self, believed: u32, is_open: bool) -> Option<SendSettlement> {
        if is_open && believed == 0 {
            return None;
        }
        Some(SendSettlement { send: self.send.clone(), believed, is_open })
    }
}

/// How long a permit lasts if this much time is left until the deadline.
pub(crate) fn lasts(left: Duration, lease: Duration) -> Duration {
    // The last heartbeat was at most a third of a lease ago, so the lease outlasts this by at least a third.
    left.saturating_sub(LEAST_LEFT).min(lease / 3).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn permit(lasts: Duration) -> SendPermit {
        let approval = "d5a5d991-0bf7-476f-b3cf-bec73f044b2e".parse().unwrap();
        let send = Arc::new(CountedSend { delivery: "w:1-0:1".into(), approval, keys: Vec::new() });
        SendPermit { offered: None, asked: BootTime::now(), lasts, opens_left: 0, believed_left: 2, send }
    }

    #[test]
    fn it_lasts_neither_past_the_deadline_nor_past_the_lease() {
        for (left, lease, expected) in [
            (seconds(300), seconds(30), seconds(10)),
            (seconds(300), seconds(6), seconds(2)),
            (seconds(3), seconds(30), seconds(2)),
            (seconds(1), seconds(30), Duration::ZERO),
            (Duration::ZERO, seconds(30), Duration::ZERO),
        ] {
            assert_eq!(lasts(left, lease), expected, "{left:?} {lease:?}");
        }
    }

    #[test]
    fn no_submit_begins_once_it_is_over() {
        assert!(permit(seconds(10)).may_submit());
        assert!(!permit(Duration::ZERO).may_submit());
    }

    #[test]
    fn it_says_how_many_outcomes_may_still_be_left_open_or_believed() {
        for (opens_left, is_last) in [(0, true), (1, false)] {
            assert_eq!(SendPermit { opens_left, ..permit(seconds(10)) }.is_last(), is_last, "{opens_left}");
        }
        assert_eq!(permit(seconds(10)).believed_left(), 2);
    }

    #[test]
    fn only_what_is_not_known_already_is_written() {
        let permit = permit(seconds(10));
        assert_eq!(permit.settle(0, true), None);
        for (believed, is_open) in [(0, false), (2, false), (2, true)] {
            let expected = SendSettlement { send: permit.send.clone(), believed, is_open };
            assert_eq!(permit.settle(believed, is_open), Some(expected));
        }
    }
}
