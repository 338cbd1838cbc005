//! Waiting for a condition: the only place in the tests that lets time pass.

use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

/// Time between two checks.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Polls until there is a value; fails with a description of what it waited for once the time is up.
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
