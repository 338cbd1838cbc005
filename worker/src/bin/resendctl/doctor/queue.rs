//! The queue and its workers: every alarm, and the upstreams as reported by the processes that call them.

use shared::queue::{Queue, QueueError};
use worker::ops::alarms::{alarms, what_to_do};
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

/// An operator's own action, or a decision that one has to make, is a warning; everything else keeps jobs from ending.
fn judge(alarm: &str) -> Check {
    let change = what_to_do(alarm);
    let is_warning = ["PAUSED", "QUARANTINE", "BACKLOG"].iter().any(|begins| alarm.starts_with(begins));
    if is_warning { Check::warning(AREA, alarm, change) } else { Check::problem(AREA, alarm, change) }
}

fn well(upstream: &Upstream) -> Check {
    Check::ok("upstream", format!("{}: {}", upstream.name, sentence(upstream)))
}

fn workers(now: &Figures) -> Option<Check> {
    match now.workers {
        // The alarm covers this.
        0 => None,
        1 => Some(Check::warning(AREA, "only one worker is alive", "run at least two, so that one may fail")),
        workers => Some(Check::ok(AREA, format!("{workers} workers are alive"))),
    }
}
