//! The queue: whether anybody works on it, and what is left lying.

use std::time::Duration;

use shared::queue::{Keys, Overview, Partition, Queue, QueueError};

use super::Check;
use worker::ops::format::{count, span};

const AREA: &str = "queue";

/// Age of the oldest entry that wants looking at.
const OLD: Duration = Duration::from_mins(1);

pub(super) async fn check(queue: &Queue) -> Result<Vec<Check>, QueueError> {
    let seen = queue.overview().await?;
    let mut checks = vec![workers(&seen)];
    checks.extend(seen.longest(|of| of.paused).map(|since| {
        Check::warning(AREA, format!("paused for {}", span(since)), "`resendctl resume` lets the workers on")
    }));
    let quarantined = seen.sum(|of| of.quarantined);
    if quarantined > 0 {
        let what = format!("{} entries in quarantine", count(quarantined));
        checks.push(Check::warning(AREA, what, "`resendctl quarantine list` says why; then retry or purge"));
    }
    if let Some(oldest) = seen.longest(|of| of.oldest).filter(|oldest| *oldest > OLD) {
        let what = format!("the oldest entry has been ready for {}", span(oldest));
        checks.push(Check::warning(AREA, what, "start more workers, or see what upstream is slow"));
    }
    checks.push(partitions(queue).await?);
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

/// A partition beyond those configured here means that programs disagree on how many there are.
async fn partitions(queue: &Queue) -> Result<Check, QueueError> {
    let configured = queue.config().partitions;
    // A name one further, made by the same rule.
    let beyond = Keys::new(&queue.config().name, configured.saturating_add(1)).stream(Partition(configured));
    let mut ask = ::redis::cmd("EXISTS");
    ask.arg(beyond);
    let there: u64 = queue.redis().command(&ask).await?;
    Ok(if there == 0 {
        Check::ok(AREA, format!("{configured} partition(s), and none beyond"))
    } else {
        Check::problem(
            AREA,
            format!("there is a partition beyond the {configured} configured here"),
            "give every program the same RESEND_QUEUE_PARTITIONS",
        )
    })
}
