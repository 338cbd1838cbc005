//! Places where a test makes this process die, stop, stall or panic in the middle of a step. Without the cargo feature
//! `failpoints`, with which no shipped program is built, a place is an empty function.

#[cfg(feature = "failpoints")]
mod armed;
#[cfg(feature = "failpoints")]
mod plan;

use crate::domain::ids::JobId;

/// A delivery is held by a worker, and nothing was done yet.
pub const AFTER_FETCH: &str = "after_fetch";
/// Entries were taken over from a silent worker, and none of their runs has begun.
pub const AFTER_TAKE_OVER: &str = "after_take_over";
/// The intent to send is recorded.
pub const AFTER_BEGIN_SEND: &str = "after_begin_send";
/// The message is about to go to the gateway.
pub const BEFORE_SUBMIT: &str = "before_submit";
/// The gateway has answered.
pub const AFTER_SUBMIT: &str = "after_submit";
/// The job's end is about to be recorded.
pub const BEFORE_FINISH: &str = "before_finish";
/// The job's end is recorded.
pub const AFTER_FINISH: &str = "after_finish";

/// Passes a fail point with a job. The variable `FAILPOINTS`, read once, defines what happens there.
#[cfg(feature = "failpoints")]
pub async fn hit(place: &'static str, job: &JobId) {
    armed::hit(place, Some(job)).await;
}

/// Passes a place without a particular job.
#[cfg(feature = "failpoints")]
pub async fn hit_any(place: &'static str) {
    armed::hit(place, None).await;
}

/// Passes a place with a job: nothing happens.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn hit(_: &'static str, _: &JobId) -> std::future::Ready<()> {
    std::future::ready(())
}

/// Passes a place without a particular job: nothing happens.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn hit_any(_: &'static str) -> std::future::Ready<()> {
    std::future::ready(())
}
