//! What a connection is doing, and how long it may: nobody holds one by sending a request byte by byte, or nothing.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::Version;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::config::ServerLimits;

/// Longest between two looks: how late an overstay is noticed at worst.
const LOOK: Duration = Duration::from_secs(1);

/// No end, while a request is open: its own limit applies.
const NEVER: u64 = u64::MAX;

/// The state of one connection; clones share it.
#[derive(Clone)]
pub(crate) struct Activity(Arc<State>);

struct State {
    born: Instant,
    head: Duration,
    keep_alive: Duration,
    /// Milliseconds from birth to the end of patience.
    due_ms: AtomicU64,
    /// Between two requests, nothing of the next one seen.
    idle: AtomicBool,
    /// HTTP/2, where bytes outside of requests are no head: they may be pings.
    multiplexed: AtomicBool,
    open: AtomicUsize,
}

/// A request on this connection; dropping it ends it.
pub(crate) struct OpenRequest(Activity);

impl Activity {
    /// A connection just taken: the head of its first request is awaited.
    pub(crate) fn new(limits: &ServerLimits) -> Self {
        let state = State {
            born: Instant::now(),
            head: limits.head,
            keep_alive: limits.keep_alive,
            due_ms: AtomicU64::new(millis(limits.head)),
            idle: AtomicBool::new(false),
            multiplexed: AtomicBool::new(false),
            open: AtomicUsize::new(0),
        };
        Self(Arc::new(state))
    }

    /// A head is complete.
    pub(crate) fn begin(&self, version: Version) -> OpenRequest {
        self.0.open.fetch_add(1, Relaxed);
        self.0.idle.store(false, Relaxed);
        self.0.due_ms.store(NEVER, Relaxed);
        if version == Version::HTTP_2 {
            self.0.multiplexed.store(true, Relaxed);
        }
        OpenRequest(self.clone())
    }

    /// Done when the connection has been at something for too long.
    pub(super) async fn overstayed(&self) {
        loop {
            let due_ms = self.0.due_ms.load(Relaxed);
            if due_ms <= self.age_ms() && self.0.open.load(Relaxed) == 0 {
                return;
            }
            let due = self.0.born.checked_add(Duration::from_millis(due_ms));
            let next_look = Instant::now() + LOOK;
            sleep_until(due.map_or(next_look, |due| due.min(next_look))).await;
        }
    }

    /// Bytes of the peer.
    fn bytes_came(&self) {
        if !self.0.multiplexed.load(Relaxed) && self.0.idle.swap(false, Relaxed) {
            self.allow(self.0.head);
        }
    }

    fn allow(&self, time: Duration) {
        self.0.due_ms.store(self.age_ms() + millis(time), Relaxed);
    }

    fn age_ms(&self) -> u64 {
        millis(self.0.born.elapsed())
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        let Self(activity) = self;
        if activity.0.open.fetch_sub(1, Relaxed) == 1 {
            activity.allow(activity.0.keep_alive);
            activity.0.idle.store(true, Relaxed);
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(NEVER)
}

/// A socket that tells of bytes that come.
pub(super) struct Watched {
    stream: TcpStream,
    activity: Activity,
}

impl Watched {
    pub(super) fn new(stream: TcpStream, activity: Activity) -> Self {
        Self { stream, activity }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.bytes_came();
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;

    /// Whether the connection is still within its time after so many seconds more.
    async fn lasts(activity: &Activity, seconds: u64) -> bool {
        timeout(Duration::from_secs(seconds), activity.overstayed()).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_head_may_take_five_seconds() {
        let activity = Activity::new(&ServerLimits::default());
        assert!(lasts(&activity, 4).await);
        activity.bytes_came();
        assert!(!lasts(&activity, 2).await);
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_request_has_its_own_limit() {
        let activity = Activity::new(&ServerLimits::default());
        let open = (activity.begin(Version::HTTP_2), activity.begin(Version::HTTP_2));
        drop(open.0);
        assert!(lasts(&activity, 300).await);
        drop(open.1);
        assert!(!lasts(&activity, 61).await);
    }

    #[tokio::test(start_paused = true)]
    async fn between_two_requests_a_minute_may_pass_but_not_within_a_head() {
        let activity = Activity::new(&ServerLimits::default());
        drop(activity.begin(Version::HTTP_11));
        assert!(lasts(&activity, 59).await);
        activity.bytes_came();
        advance(Duration::from_secs(3)).await;
        activity.bytes_came();
        assert!(lasts(&activity, 1).await);
        assert!(!lasts(&activity, 2).await);
    }

    #[tokio::test(start_paused = true)]
    async fn pings_of_http_2_are_no_heads() {
        let activity = Activity::new(&ServerLimits::default());
        drop(activity.begin(Version::HTTP_2));
        activity.bytes_came();
        assert!(lasts(&activity, 59).await);
    }
}
