//! Keeps a channel from being asked while it cannot be: after failures in a row, and as long as it asked for itself. Each
//! worker learns this alone; what many workers may send together is for the gateway's own limit to say.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::SubmitResult;

/// Failures in a row that close the way.
const FAILURES: u32 = 8;

/// How long it stays closed before one message tries it again: the first time, and at most. A try is one call, which
/// costs the gateway nothing to speak of, and jobs wait for its return with their deadline running.
const CLOSED_FOR: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(5));

/// A message that tries a closed way and is never heard of again holds up the next for so long: longer than any call.
const TRIAL: Duration = Duration::from_secs(15);

/// Longest wait taken from a gateway.
const LONGEST_ASKED: Duration = Duration::from_mins(1);

/// The state of the way to one channel.
#[derive(Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Default)]
struct State {
    failures: u32,
    /// Nobody goes before this.
    not_before: Option<Instant>,
    /// How long the way is closed this time; nothing while it is open.
    closed_for: Option<Duration>,
    /// A message is trying the closed way.
    trying: bool,
}

impl Breaker {
    /// Whether a message may go now, else how long not. On a closed way one message goes when the time is over, and
    /// the others wait for what becomes of it.
    pub(super) fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.state();
        match state.not_before {
            Some(not_before) if now < not_before => Err(not_before - now),
            _ => {
                state.not_before = state.closed_for.map(|_| now + TRIAL);
                state.trying = state.closed_for.is_some();
                Ok(())
            }
        }
    }

    /// Whether nothing forbids a message now; nothing is changed by asking.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        self.state().not_before.is_none_or(|not_before| not_before <= now)
    }

    /// Notes what became of a message. `true` where that closed an open way.
    pub(super) fn note(&self, submission: &SubmitResult, now: Instant) -> bool {
        let mut state = self.state();
        match submission {
            // An account that is closed to us is an answer, and the way to it is open.
            SubmitResult::Accepted { .. } | SubmitResult::Rejected | SubmitResult::ChannelUnavailable => {
                *state = State::default()
            }
            SubmitResult::Throttled { retry_after: Some(asked) } => {
                state.not_before = Some(now + (*asked).min(LONGEST_ASKED));
                state.trying = false;
            }
            SubmitResult::Throttled { retry_after: None }
            | SubmitResult::Unreachable
            | SubmitResult::Failed
            | SubmitResult::Unanswered => return state.note_failure(now),
        }
        false
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note_failure(&mut self, now: Instant) -> bool {
        self.failures = self.failures.saturating_add(1);
        let close_for = match self.closed_for {
            None if self.failures < FAILURES => return false,
            None => CLOSED_FOR.0,
            // Sent before it was closed, and failed since: that says nothing new.
            Some(_) if !self.trying => return false,
            Some(before) => (before * 2).min(CLOSED_FOR.1),
        };
        let was_open = self.closed_for.is_none();
        (self.closed_for, self.not_before, self.trying) = (Some(close_for), Some(now + close_for), false);
        was_open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: SubmitResult = SubmitResult::Failed;
    const TAKEN: SubmitResult = SubmitResult::Accepted { message_id: None };

    fn closed(now: Instant) -> Breaker {
        let breaker = Breaker::default();
        for _ in 0..FAILURES {
            assert_eq!(breaker.admit(now), Ok(()));
            breaker.note(&FAILED, now);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_close_the_way_and_others_do_not() {
        let now = Instant::now();
        assert_eq!(closed(now).admit(now), Err(CLOSED_FOR.0));
        let breaker = Breaker::default();
        for _ in 0..10 {
            for _ in 1..FAILURES {
                breaker.note(&FAILED, now);
            }
            breaker.note(&TAKEN, now);
        }
        assert_eq!(breaker.admit(now), Ok(()));
    }

    #[test]
    fn one_message_tries_a_closed_way_and_opens_it_or_closes_it_for_longer() {
        let now = Instant::now();
        let breaker = closed(now);
        let later = now + CLOSED_FOR.0;
        assert_eq!(breaker.admit(later), Ok(()));
        assert_eq!(breaker.admit(later), Err(TRIAL), "the others wait");
        breaker.note(&FAILED, later);
        assert_eq!(breaker.admit(later), Err(CLOSED_FOR.0 * 2));
        let much_later = later + CLOSED_FOR.0 * 2;
        assert_eq!(breaker.admit(much_later), Ok(()));
        breaker.note(&TAKEN, much_later);
        assert_eq!((breaker.admit(much_later), breaker.admit(much_later)), (Ok(()), Ok(())));
    }

    #[test]
    fn what_was_on_its_way_when_it_was_closed_does_not_close_it_for_longer() {
        let now = Instant::now();
        let breaker = closed(now);
        for _ in 0..64 {
            assert!(!breaker.note(&FAILED, now));
        }
        assert_eq!(breaker.admit(now), Err(CLOSED_FOR.0));
    }

    #[test]
    fn a_trial_that_is_never_heard_of_again_does_not_close_the_way_for_ever() {
        let now = Instant::now();
        let breaker = closed(now);
        assert_eq!(breaker.admit(now + CLOSED_FOR.0), Ok(()));
        assert_eq!(breaker.admit(now + CLOSED_FOR.0 + TRIAL), Ok(()));
    }

    #[test]
    fn a_gateway_that_asks_to_wait_is_left_alone_for_so_long_and_no_longer_than_a_minute() {
        let now = Instant::now();
        let breaker = Breaker::default();
        let asks = |seconds| SubmitResult::Throttled { retry_after: Some(Duration::from_secs(seconds)) };
        breaker.note(&asks(7), now);
        assert_eq!(breaker.admit(now), Err(Duration::from_secs(7)));
        assert_eq!(breaker.admit(now + Duration::from_secs(7)), Ok(()));
        breaker.note(&asks(86_400), now);
        assert_eq!(breaker.admit(now), Err(LONGEST_ASKED));
    }
}
