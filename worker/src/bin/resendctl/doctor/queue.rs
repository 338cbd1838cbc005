//! The queue: whether anybody works on it, and what is left lying.

use std::time::Duration;

use shared::queue::{Overview, Queue, QueueError};

use super::Check;
use worker::ops::format::{count, span};

const AREA: &str = "queue";

/// Age of the oldest entry that wants looking at.
const OLD: Duration = Duration::from_mins(1);

pub(super) async fn check(queue: &Queue) -> Result<Vec<Check>, QueueError> {
    let seen = queue.overview().await?;
    let mut checks = vec![workers(&seen)];
    checks.extend(seen.paused.map(|since| {
        Check::warning(AREA, format!("paused for {}", span(since)), "`resendctl resume` lets the workers on")
    }));
    if seen.quarantined > 0 {
        let what = format!("{} entries in quarantine", count(seen.quarantined));
        checks.push(Check::warning(AREA, what, "`resendctl quarantine list` says why; then retry or purge"));
    }
    if let Some(oldest) = seen.oldest.filter(|oldest| *oldest > OLD) {
        let what = format!("the oldest entry has been ready for {}", span(oldest));
        checks.push(Check::warning(AREA, what, "start more workers, or see what upstream is slow"));
    }
    Ok(checks)
}

fn workers(seen: &Overview) -> Check {
    match seen.live_workers() {
        0 => Check::problem(
            AREA,
            "no worker lives",
            "start resend-worker: jobs wait, and fail at their deadline",
        ),
        1 => Check::warning(AREA, "one worker lives", "run at least two, so that one may go"),
        workers => Check::ok(AREA, format!("{workers} workers live")),
    }
}
