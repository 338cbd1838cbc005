//! The queue as a whole: how much waits and where, how old it is, who works on it, how jobs ended so far.

use super::role::Operator;
use super::workers::{WorkerStatus, read_workers};
use crate::queue::error::QueueError;
use crate::queue::keys::GROUP;
use std::collections::BTreeMap;
use std::time::Duration;

/// A key next to the status codes: entries that the quarantine dropped.
const DROPPED: &str = "dropped";

/// Consumers read at most.
const CONSUMERS: u32 = 500;

/// The state of the queue at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overview {
    /// Entries that no worker has taken yet.
    pub ready: u64,
    /// Entries held by workers, live or silent.
    pub running: u64,
    /// Scheduled jobs.
    pub scheduled: u64,
    /// Quarantined entries.
    pub quarantined: u64,
    /// Entries that the quarantine dropped for lack of room since the queue was created.
    pub quarantine_dropped: u64,
    /// Jobs that have not ended.
    pub live: u64,
    /// How long the oldest entry, waiting or held, has been ready. `None` if there is no entry.
    pub oldest: Option<Duration>,
    /// Time until the next scheduled job is due.
    pub next_due: Option<Duration>,
    /// How long it has been paused.
    pub paused: Option<Duration>,
    /// The recent mean run.
    pub mean_run: Option<Duration>,
    /// Every worker, by name.
    pub workers: Vec<WorkerStatus>,
    /// Jobs ended so far, by status code.
    pub ended: BTreeMap<u16, u64>,
}

/// The script's reply.
type Answer = (Vec<i64>, String, Vec<(String, f64)>, Vec<(String, u64, u64)>, Vec<(String, u64)>);

impl Overview {
    /// Workers announced within the last seconds.
    pub fn live_workers(&self) -> usize {
        self.workers.iter().filter(|worker| worker.alive).count()
    }

    /// Workers that are gone and still hold jobs.
    pub fn gone(&self) -> impl Iterator<Item = &WorkerStatus> {
        self.workers.iter().filter(|worker| !worker.alive && worker.running > 0)
    }

    /// Jobs held by workers that are gone.
    pub fn orphaned(&self) -> u64 {
        self.gone().map(|worker| worker.running).sum()
    }

    /// Jobs ended so far.
    pub fn ended_total(&self) -> u64 {
        self.ended.values().sum()
    }
}

impl Operator {
    /// Reads the state of the queue in one round trip.
    pub async fn overview(&self) -> Result<Overview, QueueError> {
        let (numbers, run, alive, consumers, ended) = self.look().await?;
        let now_ms = numbers.first().copied().unwrap_or(0);
        let dropped = ended.iter().find(|(name, _)| name == DROPPED).map_or(0, |(_, entries)| *entries);
        let ended = ended.iter().filter_map(|(status, jobs)| Some((status.parse().ok()?, *jobs))).collect();
        let workers = read_workers(now_ms, alive, consumers, self.core.config.lease);
        Ok(Overview { workers, ended, quarantine_dropped: dropped, ..read_numbers(&numbers, &run)? })
    }

    async fn look(&self) -> Result<Answer, QueueError> {
        let keys = &self.core.keys;
        let mut call = self.core.scripts.overview.prepare_invoke();
        call.key(keys.stream())
            .key(keys.scheduled())
            .key(keys.quarantine())
            .key(keys.live())
            .key(keys.workers())
            .key(keys.eta())
            .key(keys.paused())
            .key(keys.counts());
        call.arg(GROUP).arg(CONSUMERS);
        Ok(self.core.redis.script(&call).await?)
    }
}

fn read_numbers(numbers: &[i64], run: &str) -> Result<Overview, QueueError> {
    let &[now, entries, pending, scheduled, quarantined, live, oldest, due, paused] = numbers else {
        return Err(QueueError::Corrupt("the answer of overview"));
    };
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    // -1 stands for "none"; the other end of an age may be a moment ahead of Redis' clock.
    let age = |from: i64, to: i64| Duration::from_millis(count(to.saturating_sub(from)));
    Ok(Overview {
        ready: count(entries.saturating_sub(pending)),
        running: count(pending),
        scheduled: count(scheduled),
        quarantined: count(quarantined),
        live: count(live),
        oldest: (oldest >= 0).then(|| age(oldest, now)),
        next_due: (due >= 0).then(|| age(now, due)),
        paused: (paused >= 0).then(|| age(paused, now)),
        mean_run: run.parse().ok().and_then(|ms: f64| Duration::try_from_secs_f64(ms / 1_000.0).ok()),
        ..Overview::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_by_redis_clock_and_absent_ones_are_none() {
        let seen = read_numbers(&[10_000, 5, 2, 1, 0, 6, 7_000, 12_000, -1], "8.5").unwrap();
        assert_eq!((seen.ready, seen.running, seen.scheduled), (3, 2, 1));
        assert_eq!(
            (seen.oldest, seen.next_due),
            (Some(Duration::from_secs(3)), Some(Duration::from_secs(2)))
        );
        assert_eq!((seen.paused, seen.mean_run), (None, Some(Duration::from_micros(8_500))));
    }
}
