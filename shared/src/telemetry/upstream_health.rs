//! Health of one upstream service or channel, as seen by its caller: how often it was called and failed, its last
//! answer and since when, how long calls take. Nothing is decided by it; it is for operators and the log.

mod window;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use metrics::{Gauge, gauge};
use serde::{Deserialize, Serialize};

pub use window::Totals;
use window::Window;

use super::{InFlight, InFlightGuard, metric};

/// Failures in a row after which an upstream counts as down.
const FAILURES: u32 = 8;

/// An upstream that only failed for this long counts as down after fewer failures: at night there is less than a call a
/// second.
const DOWN_AFTER: Duration = Duration::from_secs(30);

/// A call this long hangs: a working upstream answers sooner.
pub const HUNG_CALL_MS: u64 = 2_000;

/// The result of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallResult {
    /// It answered properly; the refusal of a single request counts as a proper answer.
    Good,
    /// It failed, or did not answer.
    Failed,
    /// It refuses every request until somebody acts: credentials, balance.
    Closed,
}

/// The settings an operator looks at when an upstream is down.
#[derive(Debug, Clone, Copy)]
pub struct HealthHints {
    /// The setting with its address.
    pub url: &'static str,
    /// The setting with its credentials.
    pub credentials: &'static str,
}

/// The health of one upstream.
pub struct UpstreamHealth {
    name: String,
    hints: HealthHints,
    in_flight: InFlight,
    down: Gauge,
    state: Mutex<State>,
}

/// The health of an upstream, to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthSnapshot {
    /// `registry`, `otp`, `sms http`, …
    pub upstream: String,
    /// Calls and failures of the last minute.
    pub minute: Totals,
    /// Calls and failures of the last quarter of an hour.
    pub quarter: Totals,
    /// 95 of 100 calls of the last quarter of an hour took no longer than about this, in milliseconds.
    pub p95_ms: Option<u64>,
    /// The last answer: `ok`, `status 401`, `no answer`, …
    pub last: Option<String>,
    /// Since when that has been its answer, milliseconds since the epoch.
    pub since_ms: Option<u64>,
    /// When it last answered properly.
    pub last_good_ms: Option<u64>,
    /// Whether it counts as down.
    pub is_down: bool,
    /// Whether its breaker lets nothing through, so that messages wait or use another channel. `false` if it has no
    /// breaker.
    pub is_closed: bool,
    /// The setting to look at while it is down.
    pub setting: Option<String>,
    /// Calls that have not been answered yet.
    #[serde(default)]
    pub in_flight: usize,
    /// How long the longest of these has waited, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_ms: Option<u64>,
}

#[derive(Default)]
struct State {
    window: Window,
    last: Option<String>,
    since_ms: u64,
    last_good_ms: Option<u64>,
    failures: u32,
    failing_since: Option<Instant>,
    down: Down,
    setting: Option<&'static str>,
}

/// How an upstream is down, with the metric's values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Down {
    /// It is up.
    #[default]
    No = 0,
    /// It fails, or does not answer.
    Failing = 1,
    /// It refuses every request until somebody acts.
    Closed = 2,
}

/// The change that a call caused.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    WentDown { setting: &'static str },
    CameBack { down_ms: u64 },
}

impl UpstreamHealth {
    /// Health of the upstream with this name.
    pub fn new(name: impl Into<String>, hints: HealthHints) -> Self {
        let name = name.into();
        let down = gauge!(metric::UPSTREAM_DOWN, "upstream" => name.clone());
        down.set(0.0);
        Self { name, hints, in_flight: InFlight::default(), down, state: Mutex::default() }
    }

    /// Starts a call; it counts as in progress until this is dropped.
    pub fn begin(&self) -> InFlightGuard<'_> {
        self.in_flight.begin()
    }

    /// Records one call: its result, the upstream's answer, and the duration. Logs once when the upstream goes down and
    /// once when it is back.
    pub fn note(&self, result: CallResult, answer: &str, took: Duration) {
        let mut state = self.state();
        let change = state.note(result, answer, took, self.hints);
        let down = state.down;
        drop(state);
        let upstream = self.name.as_str();
        if change.is_some() {
            self.down.set(f64::from(down as u8));
        }
        match change {
            Some(Change::WentDown { setting }) => {
                tracing::error!(upstream, cause = answer, look_at = setting, "upstream is down");
            }
            Some(Change::CameBack { down_ms }) => {
                tracing::info!(upstream, down_ms, "upstream is back");
            }
            None => {}
        }
    }

    /// Its health now.
    pub fn snapshot(&self) -> HealthSnapshot {
        let now = Instant::now();
        let state = self.state();
        HealthSnapshot {
            upstream: self.name.clone(),
            minute: state.window.minute(now),
            quarter: state.window.quarter(now),
            p95_ms: state.window.p95_ms(now),
            last: state.last.clone(),
            since_ms: state.last.is_some().then_some(state.since_ms),
            last_good_ms: state.last_good_ms,
            is_down: state.down != Down::No,
            is_closed: false,
            setting: state.setting.map(str::to_owned),
            in_flight: self.in_flight.count(),
            longest_ms: self.in_flight.longest().map(millis),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note(
        &mut self,
        result: CallResult,
        answer: &str,
        took: Duration,
        hints: HealthHints,
    ) -> Option<Change> {
        let (now, now_ms) = (Instant::now(), unix_ms());
        self.window.note(result != CallResult::Good, took, now);
        if self.last.as_deref() != Some(answer) {
            (self.last, self.since_ms) = (Some(answer.to_owned()), now_ms);
        }
        if result == CallResult::Good {
            self.last_good_ms = Some(now_ms);
            return self.came_back(now);
        }
        self.failures = self.failures.saturating_add(1);
        let failing_since = *self.failing_since.get_or_insert(now);
        let lasts = self.failures > 1 && now.duration_since(failing_since) >= DOWN_AFTER;
        let (down, setting) = match result {
            CallResult::Closed => (Down::Closed, hints.credentials),
            _ if self.failures >= FAILURES || lasts => (Down::Failing, hints.url),
            _ => return None,
        };
        // The change from failing to closed is logged too, because somebody has to act.
        if down <= self.down {
            return None;
        }
        (self.down, self.setting) = (down, Some(setting));
        Some(Change::WentDown { setting })
    }

    fn came_back(&mut self, now: Instant) -> Option<Change> {
        let since = self.failing_since.take();
        (self.failures, self.setting) = (0, None);
        if std::mem::take(&mut self.down) == Down::No {
            return None;
        }
        let down = since.map_or(Duration::ZERO, |since| now.duration_since(since));
        Some(Change::CameBack { down_ms: millis(down) })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn unix_ms() -> u64 {
    u64::try_from(Utc::now().timestamp_millis()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HINTS: HealthHints = HealthHints { url: "THE_URL", credentials: "THE_TOKEN" };
    const TOOK: Duration = Duration::from_millis(30);

    fn note(state: &mut State, result: CallResult, answer: &str) -> Option<Change> {
        state.note(result, answer, TOOK, HINTS)
    }

    #[test]
    fn it_goes_down_once_after_failures_in_a_row_and_comes_back_once() {
        let mut state = State::default();
        for _ in 1..FAILURES {
            assert_eq!(note(&mut state, CallResult::Failed, "status 500"), None);
        }
        let down = note(&mut state, CallResult::Failed, "status 500");
        assert_eq!(down, Some(Change::WentDown { setting: "THE_URL" }));
        assert_eq!(note(&mut state, CallResult::Failed, "no answer"), None);
        assert!(matches!(note(&mut state, CallResult::Good, "ok"), Some(Change::CameBack { .. })));
        assert_eq!(note(&mut state, CallResult::Good, "ok"), None);
    }

    #[test]
    fn one_that_fails_and_then_refuses_our_credentials_says_so_once() {
        let mut state = State::default();
        for _ in 0..FAILURES {
            note(&mut state, CallResult::Failed, "status 503");
        }
        let closed = note(&mut state, CallResult::Closed, "status 401");
        assert_eq!(closed, Some(Change::WentDown { setting: "THE_TOKEN" }));
        assert_eq!(note(&mut state, CallResult::Closed, "status 401"), None);
        assert_eq!(note(&mut state, CallResult::Failed, "status 503"), None);
    }

    #[test]
    fn calls_under_way_are_counted_until_they_end() {
        let health = UpstreamHealth::new("registry", HINTS);
        let call = health.begin();
        let shown = health.snapshot();
        assert!(shown.in_flight == 1 && shown.longest_ms.is_some());
        drop(call);
        assert_eq!((health.snapshot().in_flight, health.snapshot().longest_ms), (0, None));
    }

    #[test]
    fn refused_credentials_are_down_at_once_and_name_their_setting() {
        let mut state = State::default();
        let down = note(&mut state, CallResult::Closed, "status 401");
        assert_eq!(down, Some(Change::WentDown { setting: "THE_TOKEN" }));
    }

    #[test]
    fn a_few_failures_over_half_a_minute_are_down_too() {
        let mut state = State::default();
        assert_eq!(note(&mut state, CallResult::Failed, "no answer"), None);
        state.failing_since = Instant::now().checked_sub(DOWN_AFTER);
        assert!(matches!(note(&mut state, CallResult::Failed, "no answer"), Some(Change::WentDown { .. })));
    }

    #[test]
    fn a_snapshot_shows_shares_the_last_answer_and_since_when() {
        let health = UpstreamHealth::new("sms http", HINTS);
        health.note(CallResult::Good, "ok", TOOK);
        health.note(CallResult::Closed, "status 401", TOOK);
        let shown = health.snapshot();
        assert_eq!((shown.minute, shown.quarter), (Totals { calls: 2, failures: 1 }, shown.minute));
        assert_eq!((shown.last.as_deref(), shown.is_down), (Some("status 401"), true));
        assert_eq!(shown.setting.as_deref(), Some("THE_TOKEN"));
        assert!(shown.since_ms >= shown.last_good_ms && shown.last_good_ms.is_some());
        assert!(shown.p95_ms.is_some_and(|p95| (30..=60).contains(&p95)), "{:?}", shown.p95_ms);
    }
}
