//! Whether a connection is idle, and for how long it may be: no client can hold one by sending a request byte by byte,
//! by sending nothing, or by not reading its answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use axum::http::Version;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::limits::HttpLimits;
use super::open_requests::OpenRequests;

/// Longest time between two checks, and so the longest delay in noticing an idle connection.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How long a connection that must end may take to deliver its last answers once no request is open.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Does not expire while a request is open, which has a limit of its own.
const NEVER: u64 = u64::MAX;

/// The idle time of one connection; clones share it.
#[derive(Clone)]
pub(super) struct IdleTracker(Arc<State>);

struct State {
    born: Instant,
    head: Duration,
    keep_alive_ms: AtomicU64,
    /// Milliseconds from the accept until the connection expires.
    due_ms: AtomicU64,
    /// Between two requests; no byte of the next one has arrived.
    idle: AtomicBool,
    /// HTTP/2, where bytes outside of requests are not a head: they may be pings.
    multiplexed: AtomicBool,
    /// Past its lifetime: the next answer will be the last.
    retired: AtomicBool,
    open: AtomicUsize,
    open_everywhere: OpenRequests,
    first_request: Notify,
}

/// An open request on a connection; dropping it ends it.
pub struct RequestGuard(IdleTracker);

impl IdleTracker {
    /// The tracker of a connection just accepted, which waits for the head of the first request.
    pub(super) fn new(limits: &HttpLimits, open_everywhere: OpenRequests) -> Self {
        let state = State {
            born: Instant::now(),
            head: limits.head,
            keep_alive_ms: AtomicU64::new(millis(limits.keep_alive)),
            due_ms: AtomicU64::new(millis(limits.head)),
            idle: AtomicBool::new(false),
            multiplexed: AtomicBool::new(false),
            retired: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            open_everywhere,
            first_request: Notify::new(),
        };
        Self(Arc::new(state))
    }

    /// A head is complete.
    pub(super) fn begin(&self, version: Version) -> RequestGuard {
        self.0.open.fetch_add(1, Relaxed);
        self.0.open_everywhere.begin();
        self.0.idle.store(false, Relaxed);
        self.0.due_ms.store(NEVER, Relaxed);
        if version == Version::HTTP_2 {
            self.0.multiplexed.store(true, Relaxed);
        }
        self.0.first_request.notify_one();
        RequestGuard(self.clone())
    }

    /// Completes once the first request has begun.
    pub(super) async fn first_request(&self) {
        self.0.first_request.notified().await;
    }

    /// Whether the protocol is known to be HTTP/2.
    pub(super) fn is_multiplexed(&self) -> bool {
        self.0.multiplexed.load(Relaxed)
    }

    /// Records that the connection is past its lifetime.
    pub(super) fn retire(&self) {
        self.0.retired.store(true, Relaxed);
    }

    /// Whether the next answer must be the last.
    pub(super) fn is_retired(&self) -> bool {
        self.0.retired.load(Relaxed)
    }

    /// Makes the connection end: it expires soon after its last request.
    pub(super) fn drain(&self) {
        self.0.keep_alive_ms.store(millis(LAST_ANSWERS), Relaxed);
        if self.0.open.load(Relaxed) == 0 {
            self.allow_ms(millis(LAST_ANSWERS));
        }
    }

    /// Completes when a head or the next request is overdue.
    pub(super) async fn expired(&self) {
        loop {
            let due_ms = self.0.due_ms.load(Relaxed);
            if due_ms <= self.age_ms() && self.0.open.load(Relaxed) == 0 {
                return;
            }
            let due = self.0.born.checked_add(Duration::from_millis(due_ms));
            let next_check = Instant::now() + CHECK_INTERVAL;
            sleep_until(due.map_or(next_check, |due| due.min(next_check))).await;
        }
    }

    /// Records that the peer sent something.
    pub(super) fn bytes_received(&self) {
        if !self.is_multiplexed() && self.0.idle.swap(false, Relaxed) {
            self.allow_ms(millis(self.0.head));
        }
    }

    fn allow_ms(&self, time_ms: u64) {
        self.0.due_ms.store(self.age_ms().saturating_add(time_ms), Relaxed);
    }

    fn age_ms(&self) -> u64 {
        millis(self.0.born.elapsed())
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let state = &self.0.0;
        state.open_everywhere.end();
        if state.open.fetch_sub(1, Relaxed) == 1 {
            self.0.allow_ms(state.keep_alive_ms.load(Relaxed));
            state.idle.store(true, Relaxed);
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(NEVER)
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;

    fn tracker() -> IdleTracker {
        IdleTracker::new(&HttpLimits::default(), OpenRequests::default())
    }

    /// Whether the connection is still alive after this many more seconds.
    async fn lasts(tracker: &IdleTracker, seconds: u64) -> bool {
        timeout(Duration::from_secs(seconds), tracker.expired()).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_head_may_take_five_seconds() {
        let tracker = tracker();
        assert!(lasts(&tracker, 4).await);
        tracker.bytes_received();
        assert!(!lasts(&tracker, 2).await);
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_request_has_its_own_limit() {
        let tracker = tracker();
        let open = (tracker.begin(Version::HTTP_2), tracker.begin(Version::HTTP_2));
        drop(open.0);
        assert!(lasts(&tracker, 300).await);
        assert_eq!(tracker.0.open_everywhere.count(), 1);
        drop(open.1);
        assert!(!lasts(&tracker, 91).await);
    }

    #[tokio::test(start_paused = true)]
    async fn the_keep_alive_limit_holds_between_two_requests_and_the_head_limit_within_a_head() {
        let tracker = tracker();
        drop(tracker.begin(Version::HTTP_11));
        assert!(lasts(&tracker, 89).await);
        tracker.bytes_received();
        advance(Duration::from_secs(3)).await;
        tracker.bytes_received();
        assert!(lasts(&tracker, 1).await);
        assert!(!lasts(&tracker, 2).await);
    }

    #[tokio::test(start_paused = true)]
    async fn pings_of_http_2_are_no_heads() {
        let tracker = tracker();
        drop(tracker.begin(Version::HTTP_2));
        tracker.bytes_received();
        assert!(lasts(&tracker, 89).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_to_end_has_two_seconds_for_its_last_answers() {
        let tracker = tracker();
        let open = tracker.begin(Version::HTTP_2);
        tracker.drain();
        assert!(lasts(&tracker, 60).await);
        drop(open);
        assert!(lasts(&tracker, 1).await);
        assert!(!lasts(&tracker, 2).await);
    }
}
