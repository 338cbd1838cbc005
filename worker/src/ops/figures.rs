//! The figures of the queue at one moment, as they are printed; rates need two.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use shared::domain::clock;
use shared::queue::{Minute, OperatorAction, Overview, ProcessReport, Queue, QueueError};

use super::format::{rate, span_or_none};
use super::upstreams::{Upstream, together};

/// The figures shown. The names are part of the interface of `--output json`.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// Name of the queue.
    pub queue: String,
    /// When the figures were read, ISO 8601.
    pub at: String,
    /// How long it has been paused.
    pub paused_seconds: Option<f64>,
    /// Entries that no worker has taken yet.
    pub ready: u64,
    /// Entries held by workers.
    pub running: u64,
    /// Scheduled jobs.
    pub scheduled: u64,
    /// Quarantined entries.
    pub quarantined: u64,
    /// Jobs that have not ended.
    pub live: u64,
    /// Age of the oldest entry.
    pub oldest_seconds: Option<f64>,
    /// Time until the next scheduled job is due.
    pub next_retry_seconds: Option<f64>,
    /// Mean length of the newest runs.
    pub mean_run_seconds: Option<f64>,
    /// Live workers.
    pub workers: usize,
    /// Slots of all live workers.
    pub slots: u64,
    /// Jobs ended so far, by status code.
    pub ended: BTreeMap<u16, u64>,
    /// Rates since the previous figures.
    pub rates: Option<Rates>,
    #[serde(skip)]
    /// Who paused the queue, and why.
    pub paused_by: Option<String>,
    /// Jobs ended in the newest minutes.
    pub recent: Option<Recent>,
    /// Upstream services and channels, those that are down first.
    pub upstreams: Vec<Upstream>,
    /// How long the longest current run has taken.
    pub longest_run_seconds: Option<f64>,
    /// The report of each process.
    #[serde(skip)]
    pub processes: BTreeMap<String, ProcessReport>,
    /// When the figures were read, milliseconds since the epoch.
    pub at_ms: u64,
    #[serde(skip)]
    /// The data they were computed from.
    pub overview: Overview,
}

/// Minutes over which the share of failures is measured; the second if the first had too few ends, as at night.
const RECENT_MINUTES: [u64; 2] = [5, 15];

/// Ends needed to measure a share.
const ENOUGH_ENDS: u64 = 10;

/// How many actions are searched for the last pause.
const ACTIONS: usize = 20;

/// Jobs ended in the newest minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Recent {
    /// All ends.
    pub ended: u64,
    /// Those with an error of ours (5xx).
    pub failed: u64,
    /// The number of minutes.
    pub minutes: u64,
}

/// Events between two reads, per second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rates {
    /// Accepted.
    pub accepted: f64,
    /// Ended.
    pub ended: f64,
    /// Ended with an error of ours (5xx).
    pub failed: f64,
    /// The time between the reads.
    pub over_seconds: f64,
}

/// Reads the figures; rates are relative to the previous ones.
pub async fn look(queue: &Queue, before: Option<&Figures>) -> Result<Figures, QueueError> {
    let overview = queue.operator().overview().await?;
    let figures = Figures::new(&queue.config().name, clock::now_ms(), overview, before);
    let mut figures = figures.with_reports(queue.operator().upstream_reports().await?);
    figures.recent = recent(&queue.operator().history().await?, &figures.ended);
    if figures.paused_seconds.is_some() {
        figures.paused_by = paused_by(&queue.operator().actions(ACTIONS).await?);
    }
    Ok(figures)
}

/// The newest minutes, from their records and the current totals.
fn recent(history: &[Minute], ended: &BTreeMap<u16, u64>) -> Option<Recent> {
    let [short, long] = RECENT_MINUTES.map(|minutes| over(history, ended, minutes));
    short.filter(|recent| recent.ended >= ENOUGH_ENDS).or(long)
}

fn over(history: &[Minute], ended: &BTreeMap<u16, u64>, minutes: u64) -> Option<Recent> {
    let newest = history.last()?.at_ms;
    let from = history.iter().find(|minute| minute.at_ms + minutes * 60_000 >= newest)?;
    let since = |code: &u16, jobs: &u64| jobs.saturating_sub(from.ended.get(code).copied().unwrap_or(0));
    let sum = |is_counted: fn(u16) -> bool| {
        ended.iter().filter(|(code, _)| is_counted(**code)).map(|(code, jobs)| since(code, jobs)).sum()
    };
    let minutes = (newest - from.at_ms) / 60_000 + 1;
    Some(Recent { ended: sum(|_| true), failed: sum(|code| code >= 500), minutes })
}

/// Who paused the queue last, and why.
fn paused_by(actions: &[OperatorAction]) -> Option<String> {
    let pause = actions.iter().find(|action| action.action == "pause")?;
    let because = if pause.because.is_empty() { String::new() } else { format!(" ({})", pause.because) };
    Some(format!("{}{because}", pause.who))
}

impl Figures {
    /// The figures now.
    pub fn new(queue: &str, at_ms: u64, overview: Overview, before: Option<&Self>) -> Self {
        let seconds = |age: Option<Duration>| age.map(|age| age.as_secs_f64());
        let alive = overview.workers.iter().filter(|worker| worker.alive);
        let mut figures = Self {
            queue: queue.to_owned(),
            at: clock::iso(at_ms),
            paused_seconds: seconds(overview.paused),
            ready: overview.ready,
            running: overview.running,
            scheduled: overview.scheduled,
            quarantined: overview.quarantined,
            live: overview.live,
            oldest_seconds: seconds(overview.oldest),
            next_retry_seconds: seconds(overview.next_due),
            mean_run_seconds: seconds(overview.mean_run),
            workers: overview.live_workers(),
            slots: alive.map(|worker| worker.slots).sum(),
            ended: overview.ended.clone(),
            rates: None,
            paused_by: None,
            recent: None,
            upstreams: Vec::new(),
            longest_run_seconds: None,
            processes: BTreeMap::new(),
            at_ms,
            overview,
        };
        figures.rates = before.and_then(|before| figures.rates_since(before));
        figures
    }

    /// Adds the reports of the processes.
    #[must_use]
    pub fn with_reports(mut self, processes: BTreeMap<String, ProcessReport>) -> Self {
        self.upstreams = together(processes.values());
        let longest = processes.values().filter_map(|report| report.longest_run_ms).max();
        self.longest_run_seconds = longest.map(|ms| Duration::from_millis(ms).as_secs_f64());
        self.processes = processes;
        self
    }

    /// An accepted job is live or has ended, so the sum of both grows with every accept.
    fn rates_since(&self, before: &Self) -> Option<Rates> {
        let millis = self.at_ms.checked_sub(before.at_ms).filter(|millis| *millis > 0)?;
        #[allow(clippy::cast_precision_loss)]
        let per_second = |now: u64, then: u64| now.saturating_sub(then) as f64 * 1_000.0 / millis as f64;
        let failed =
            |of: &Self| of.ended.iter().filter(|(code, _)| **code >= 500).map(|(_, jobs)| jobs).sum();
        let (ended, ended_then) = (self.overview.ended_total(), before.overview.ended_total());
        Some(Rates {
            accepted: per_second(ended + self.live, ended_then + before.live),
            ended: per_second(ended, ended_then),
            failed: per_second(failed(self), failed(before)),
            over_seconds: Duration::from_millis(millis).as_secs_f64(),
        })
    }

    /// Everything important on one line.
    pub fn line(&self) -> String {
        let rates = self.rates.map_or_else(String::new, |rates| {
            format!("in {} out {} failed {}", rate(rates.accepted), rate(rates.ended), rate(rates.failed))
        });
        let oldest = span_or_none(self.oldest_seconds.map(Duration::from_secs_f64));
        let paused = if self.paused_seconds.is_some() { " PAUSED" } else { "" };
        format!(
            "{} ready {} running {} scheduled {} quarantined {} oldest {oldest} {rates} workers {}{paused}",
            self.at, self.ready, self.running, self.scheduled, self.quarantined, self.workers
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(at_ms: u64, live: u64, ended: &[(u16, u64)], before: Option<&Figures>) -> Figures {
        let ended = ended.iter().copied().collect();
        let overview = Overview { live, ended, ..Overview::default() };
        Figures::new("resend", at_ms, overview, before)
    }

    #[test]
    fn rates_come_from_two_looks() {
        let before = seen(1_000, 5, &[(200, 10)], None);
        assert_eq!(before.rates, None);
        let now = seen(3_000, 3, &[(200, 14), (502, 2)], Some(&before));
        let rates = Rates { accepted: 2.0, ended: 3.0, failed: 1.0, over_seconds: 2.0 };
        assert_eq!(now.rates, Some(rates));
    }

    #[test]
    fn a_quiet_night_is_judged_over_a_longer_time() {
        let minute = |at: u64, failed: u64| Minute {
            at_ms: at * 60_000,
            ended: [(200, 100), (502, failed)].into(),
            ..Minute::default()
        };
        let history = [minute(0, 0), minute(10, 4), minute(15, 7)];
        let recent = |failed| recent(&history, &[(200, 100), (502, failed)].into()).unwrap();
        assert_eq!(recent(9), Recent { ended: 9, failed: 9, minutes: 16 });
        assert_eq!(recent(14), Recent { ended: 10, failed: 10, minutes: 6 });
    }

    #[test]
    fn a_queue_that_was_emptied_has_no_negative_rate() {
        let before = seen(1_000, 5, &[(200, 10)], None);
        let rates = seen(2_000, 0, &[], Some(&before)).rates.unwrap();
        assert_eq!((rates.accepted, rates.ended, rates.failed), (0.0, 0.0, 0.0));
    }
}
