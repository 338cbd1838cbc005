//! The queue and what works on it: every alarm, and the upstreams as the processes that call them report.

use shared::queue::{Queue, QueueError};
use worker::ops::alarms::alarms;
use worker::ops::figures::{Figures, look};
use worker::ops::upstreams::{Upstream, sentence};

use super::Check;

const AREA: &str = "queue";

pub(super) async fn check(queue: &Queue) -> Result<Vec<Check>, QueueError> {
    let now = look(queue, None).await?;
    let upstreams = now.upstreams.iter().filter(|upstream| !upstream.is_down).map(well);
    let found = alarms(&now);
    Ok(workers(&now).into_iter().chain(upstreams).chain(found.iter().map(|alarm| judge(alarm))).collect())
}

/// What an operator began, and what waits for one, warns; everything else keeps jobs from their end.
fn judge(alarm: &str) -> Check {
    let (_, change) = CHANGES.iter().find(|(begins, _)| alarm.contains(begins)).unwrap_or(&DEFAULT);
    let is_warning = ["PAUSED", "QUARANTINE", "BACKLOG"].iter().any(|begins| alarm.starts_with(begins));
    if is_warning { Check::warning(AREA, alarm, *change) } else { Check::problem(AREA, alarm, *change) }
}

/// What to do about an alarm.
const CHANGES: [(&str, &str); 9] = [
    ("PAUSED", "`resendctl resume` lets the workers on"),
    ("NO WORKER", "start resend-worker: jobs wait, and fail at their deadline"),
    ("IS DOWN", "see the setting that is named, and the service; `resendctl send-test` tries a channel"),
    ("WORKER GONE", "see why it ended; its jobs are taken over by themselves"),
    ("SLOTS HUNG", "see the service that is named; more workers would only wait, too"),
    ("SLOW RUNS", "see which upstream is slow"),
    ("BACKLOG", "start more workers, or see which upstream is slow"),
    ("QUARANTINE", "`resendctl quarantine list` says why; then retry or purge"),
    ("FAILING", "`resendctl jobs list --state failed` shows reasons"),
];
const DEFAULT: (&str, &str) = ("", "see `resendctl jobs list`");

fn well(upstream: &Upstream) -> Check {
    Check::ok("upstream", format!("{}: {}", upstream.name, sentence(upstream)))
}

fn workers(now: &Figures) -> Option<Check> {
    match now.workers {
        // An alarm says so.
        0 => None,
        1 => Some(Check::warning(AREA, "one worker lives", "run at least two, so that one may go")),
        workers => Some(Check::ok(AREA, format!("{workers} workers live"))),
    }
}
