//! Keeps a channel from being called while it cannot take messages: after failures in a row, and for as long as the
//! gateway asked. Each worker learns this alone; the rate of all workers together is limited by the gateway itself.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use shared::runtime::backoff::Backoff;

use super::SubmitResult;
use super::history::SendHistory;

/// Failures in a row that close the channel.
const FAILURES: u32 = 8;

/// How long it stays closed before one message probes it, by the number of failed probes. A probe is one call, which
/// costs the gateway next to nothing, while jobs wait for its return with their deadline running.
const CLOSED_FOR: Backoff = Backoff::between(Duration::from_secs(2), Duration::from_secs(5));

/// How long a due probe is left to jobs that were never handed over, before a job may use its last try for it.
const RESERVED_FOR_FIRST_TRIES: Duration = Duration::from_secs(3);

/// How long it is left to jobs that have read the registry already; a retried job would have to read it again.
const RESERVED_FOR_NEW: Duration = Duration::from_secs(1);

/// How long a probe is reserved for the job that was told it may go: longer than its look-ups and permit usually take.
const CLAIMED_FOR: Duration = Duration::from_secs(2);

/// A probe whose result never arrives blocks the next one for this long: longer than any call.
const PROBE_LIMIT: Duration = Duration::from_secs(15);

/// The wait given to other jobs meanwhile: usually the probe's result is there by then, and a job near its deadline
/// must not end because of a silent probe.
const WHILE_PROBED: Duration = Duration::from_secs(1);

/// Longest wait accepted from a gateway.
const LONGEST_ASKED: Duration = Duration::from_mins(1);

/// How long a job that saves its last try waits until the channel takes a message again.
const UNTIL_ACCEPTED: Duration = Duration::from_secs(5);

/// The state of one channel.
#[derive(Default)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Default)]
struct State {
    failures: u32,
    /// No message is admitted before this.
    not_before: Option<Instant>,
    /// Failed probes of the closed channel; `None` while it is open.
    failed_probes: Option<u32>,
    /// The gateway asked to be left alone: one message goes first when that is over.
    is_resting: bool,
    /// A message is probing the closed channel.
    probing: bool,
    /// Until when the next probe is reserved for a job that was told it may go.
    claimed_until: Option<Instant>,
    /// When it last took a message.
    accepted: Option<Instant>,
}

impl Breaker {
    /// Whether a message of a job with this history may go now, else how long not. On a closed channel one message goes
    /// when the time is over, and the others wait for its result.
    pub(crate) fn admit(&self, now: Instant, history: &SendHistory) -> Result<(), Duration> {
        let mut state = self.state();
        state.may_go(now, history)?;
        state.probing = state.is_on_trial();
        if state.probing {
            (state.not_before, state.claimed_until) = (Some(now + PROBE_LIMIT), None);
        }
        Ok(())
    }

    /// The same for a job that has yet to do its look-ups: a due probe is reserved for it, and the others wait.
    pub(crate) fn claim(&self, now: Instant, history: &SendHistory) -> Result<(), Duration> {
        let mut state = self.state();
        state.may_go(now, history)?;
        if state.claimed_until.is_some_and(|until| now < until) {
            return Err(WHILE_PROBED);
        }
        state.claimed_until = state.is_on_trial().then_some(now + CLAIMED_FOR);
        Ok(())
    }

    /// The same without admitting a message: nothing is changed.
    pub(crate) fn may_go(&self, now: Instant, history: &SendHistory) -> Result<(), Duration> {
        self.state().may_go(now, history)
    }

    /// Whether the channel is open: failures have not closed it.
    pub(crate) fn is_open(&self) -> bool {
        self.state().failed_probes.is_none()
    }

    /// Whether messages can be handed over: the channel is open, and the gateway has not asked to wait.
    pub(crate) fn takes_messages(&self, now: Instant) -> bool {
        let state = self.state();
        state.failed_probes.is_none() && state.may_go(now, &SendHistory::NONE).is_ok()
    }

    /// Records the result of a message.
    pub(crate) fn note(&self, result: &SubmitResult, now: Instant) {
        let mut state = self.state();
        match result {
            // The gateway was not called, so a probe is still needed.
            SubmitResult::Held { .. } if state.probing => {
                (state.probing, state.not_before) = (false, Some(now));
            }
            SubmitResult::Held { .. } => {}
            SubmitResult::Accepted { .. } => *state = State { accepted: Some(now), ..State::default() },
            // A closed account is still an answer: the gateway can be reached.
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
            let wait = not_before - now;
            return Err(if self.probing { wait.min(WHILE_PROBED) } else { wait });
        }
        let Some(left_open) = history.left_open else {
            return if history.is_retry { self.reserved_for(RESERVED_FOR_NEW, now) } else { Ok(()) };
        };
        if self.accepted.is_some_and(|accepted| accepted > left_open) {
            return Ok(());
        }
        if let Some(wait) = history.until_half_the_deadline() {
            return Err(wait.min(UNTIL_ACCEPTED));
        }
        self.reserved_for(RESERVED_FOR_FIRST_TRIES, now)
    }

    /// Whether only one message may go, to test whether the gateway takes it.
    fn is_on_trial(&self) -> bool {
        self.failed_probes.is_some() || self.is_resting
    }

    /// Whether a probe has been due for longer than this.
    fn reserved_for(&self, time: Duration, now: Instant) -> Result<(), Duration> {
        let due = self.not_before.filter(|_| self.is_on_trial()).map(|due| due + time);
        due.filter(|due| now < *due).map_or(Ok(()), |due| Err(due - now))
    }

    fn note_failure(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        let was_probing = std::mem::take(&mut self.probing);
        let failed_probes = match self.failed_probes {
            None if self.failures < FAILURES => {
                self.not_before = self.not_before.filter(|_| !was_probing);
                return;
            }
            None => 0,
            // Sent before the channel was closed, and failed since: that is nothing new.
            Some(_) if !was_probing => return,
            Some(before) => before + 1,
        };
        self.failed_probes = Some(failed_probes);
        self.not_before = Some(now + CLOSED_FOR.grown(failed_probes));
    }

    fn rest_until(&mut self, moment: Instant) {
        self.is_resting = true;
        self.not_before = Some(self.not_before.map_or(moment, |before| before.max(moment)));
    }
}

#[cfg(test)]
mod tests;
