//! Keeps a channel from being asked while it cannot take messages: after failures in a row, and as long as the gateway
//! asked for itself. Each worker learns this alone; what many workers may send together is for the gateway's own limit
//! to say.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::SubmitResult;
use super::history::SendHistory;

/// Failures in a row that close the channel.
const FAILURES: u32 = 8;

/// How long it stays closed before one message probes it: the first time, and at most. A probe is one call, which costs
/// the gateway nothing to speak of, and jobs wait for its return with their deadline running.
const CLOSED_FOR: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(5));

/// How long a due probe is left to jobs that were never handed over, before a job spends its last try on it.
const RESERVED_FOR_FIRST_TRIES: Duration = Duration::from_secs(3);

/// A probe whose result never arrives holds up the next one for so long: longer than any call.
const PROBE_LIMIT: Duration = Duration::from_secs(15);

/// Longest wait taken from a gateway.
const LONGEST_ASKED: Duration = Duration::from_mins(1);

/// Wait of a job that keeps its last try until the channel takes a message again.
const UNTIL_ACCEPTED: Duration = Duration::from_secs(5);

/// The state of one channel.
#[derive(Default)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Default)]
struct State {
    failures: u32,
    /// No message is admitted before this.
    not_before: Option<Instant>,
    /// How long the channel is closed this time; nothing while it is open.
    closed_for: Option<Duration>,
    /// A message is probing the closed channel.
    probing: bool,
    /// When it last took a message.
    accepted: Option<Instant>,
}

impl Breaker {
    /// Whether a message of a job with this history may go now, else how long not. On a closed channel one message goes
    /// when the time is over, and the others wait for its result.
    pub(crate) fn admit(&self, now: Instant, history: &SendHistory) -> Result<(), Duration> {
        let mut state = self.state();
        state.may_go(now, history)?;
        state.probing = state.closed_for.is_some();
        if state.probing {
            state.not_before = Some(now + PROBE_LIMIT);
        }
        Ok(())
    }

    /// The same without being admitted: nothing is changed.
    pub(crate) fn may_go(&self, now: Instant, history: &SendHistory) -> Result<(), Duration> {
        self.state().may_go(now, history)
    }

    /// Whether the channel is open: failures have not closed it.
    pub(crate) fn is_open(&self) -> bool {
        self.state().closed_for.is_none()
    }

    /// Notes the result of a message.
    pub(crate) fn note(&self, result: &SubmitResult, now: Instant) {
        let mut state = self.state();
        match result {
            // The gateway was not asked, so a probe is still to be made.
            SubmitResult::Held { .. } if state.probing => {
                (state.probing, state.not_before) = (false, Some(now));
            }
            SubmitResult::Held { .. } => {}
            SubmitResult::Accepted { .. } => *state = State { accepted: Some(now), ..State::default() },
            // An account that is closed to us is an answer, and the way to it is open.
            SubmitResult::Rejected | SubmitResult::ChannelUnavailable => {
                *state = State { accepted: state.accepted, ..State::default() };
            }
            SubmitResult::Throttled { .. }
            | SubmitResult::Deferred { .. }
            | SubmitResult::Unreachable
            | SubmitResult::Indeterminate { .. } => {
                state.note_failure(now);
                if let Some(asked) = result.retry_after() {
                    state.rest_until(now + asked.min(LONGEST_ASKED));
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn may_go(&self, now: Instant, history: &SendHistory) -> Result<(), Duration> {
        if let Some(not_before) = self.not_before.filter(|not_before| now < *not_before) {
            return Err(not_before - now);
        }
        let Some(left_open) = history.left_open else { return Ok(()) };
        if self.accepted.is_some_and(|accepted| accepted > left_open) {
            return Ok(());
        }
        if let Some(wait) = history.until_half_the_deadline() {
            return Err(wait.min(UNTIL_ACCEPTED));
        }
        let reserved = self.closed_for.and(self.not_before).map(|due| due + RESERVED_FOR_FIRST_TRIES);
        reserved.filter(|reserved| now < *reserved).map_or(Ok(()), |reserved| Err(reserved - now))
    }

    fn note_failure(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        let close_for = match self.closed_for {
            None if self.failures < FAILURES => return,
            None => CLOSED_FOR.0,
            // Sent before it was closed, and failed since: that says nothing new.
            Some(_) if !self.probing => return,
            Some(before) => (before * 2).min(CLOSED_FOR.1),
        };
        (self.closed_for, self.not_before, self.probing) = (Some(close_for), Some(now + close_for), false);
    }

    fn rest_until(&mut self, moment: Instant) {
        self.not_before = Some(self.not_before.map_or(moment, |before| before.max(moment)));
    }
}

#[cfg(test)]
mod tests;
