//! Waiting for something to come true: the one place in the tests where time is let pass.

use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Looks until there is something, and fails with what was waited for once the time is up.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: impl Debug,
    within: Duration,
    mut look: impl FnMut() -> F,
) -> T {
    let until = Instant::now() + within;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < until, "not within {within:?}: {what:?}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
