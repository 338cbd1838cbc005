//! The view for a person, most urgent first.

use std::time::Duration;

use worker::ops::alarms::alarms;
use worker::ops::figures::Figures;
use worker::ops::format::{count, rate, span_or_none};
use worker::ops::upstreams::sentence;

use crate::output::has_colours;
use crate::workers;

/// The style of an alarm on a terminal: bold and red.
const LOUD: (&str, &str) = ("\x1b[1;31m", "\x1b[0m");

/// The whole text.
pub(super) fn of(now: &Figures) -> String {
    let mut lines = vec![format!("queue {}   {}", now.queue, now.at)];
    let (loud, quiet) = if has_colours() { LOUD } else { ("", "") };
    lines.extend(alarms(now).iter().map(|alarm| format!("{loud}{alarm}{quiet}")));
    lines.push(String::new());
    lines.extend(depth(now));
    lines.push(String::new());
    lines.extend(speed(now));
    lines.push(String::new());
    lines.extend(now.upstreams.iter().map(|one| format!("{:<10} {}", one.name, sentence(one))));
    lines.push(String::new());
    lines.push(workers::words(&now.overview.workers));
    lines.join("\n")
}

fn depth(now: &Figures) -> [String; 2] {
    let [ready, running, scheduled, quarantined] =
        [now.ready, now.running, now.scheduled, now.quarantined].map(count);
    [
        format!("{:>12}{:>12}{:>12}{:>14}", "ready", "running", "scheduled", "quarantined"),
        format!("{ready:>12}{running:>12}{scheduled:>12}{quarantined:>14}"),
    ]
}

fn speed(now: &Figures) -> [String; 4] {
    let seconds = |of: Option<f64>| span_or_none(of.map(Duration::from_secs_f64));
    let rates = now.rates.map_or_else(
        || "measuring".to_owned(),
        |rates| {
            let (accepted, ended, failed) = (rate(rates.accepted), rate(rates.ended), rate(rates.failed));
            format!("accepted {accepted}   ended {ended}   of these failed {failed}")
        },
    );
    let ended = now.ended.iter().map(|(code, jobs)| format!("{code}: {}", count(*jobs)));
    let ended = ended.collect::<Vec<_>>().join("   ");
    [
        format!("rates      {rates}"),
        format!(
            "times      oldest {}   mean run {}   next retry in {}",
            seconds(now.oldest_seconds),
            seconds(now.mean_run_seconds),
            seconds(now.next_retry_seconds)
        ),
        format!("ended      {}", if ended.is_empty() { "none yet" } else { &ended }),
        format!("workers    {} alive, {} slots", now.workers, count(now.slots)),
    ]
}
