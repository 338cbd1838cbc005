//! The permit to send one message, and its outcome.

use std::time::Duration;

use crate::queue::SendSettlement;
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
    pub(crate) settling: SendSettlement,
}

impl SendPermit {
    /// Whether a submit may begin now. Check before each.
    pub fn may_submit(&self) -> bool {
        self.asked.elapsed() < self.lasts
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
        let mut settlement = self.settling.clone();
        settlement.arguments[BELIEVED] = believed.to_string();
        settlement.arguments[IS_OPEN] = u8::from(is_open).to_string();
        Some(settlement)
    }
}

/// The position of a settlement's arguments.
const BELIEVED: usize = 1;
const IS_OPEN: usize = 2;

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
        let arguments = ["1-0:1", "0", "0", "approval", "prefix"].map(str::to_owned).to_vec();
        let settling = SendSettlement { keys: Vec::new(), arguments };
        SendPermit { offered: None, asked: BootTime::now(), lasts, opens_left: 0, believed_left: 2, settling }
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
        let of = |believed, is_open| permit.settle(believed, is_open).unwrap().arguments;
        assert_eq!(of(0, false)[..3], ["1-0:1", "0", "0"]);
        assert_eq!(of(2, true)[..3], ["1-0:1", "2", "1"]);
    }
}
