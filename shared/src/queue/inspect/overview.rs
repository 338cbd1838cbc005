//! The queue as a whole: how much waits and where, how old it is, who works on it, how jobs ended so far.

use std::collections::BTreeMap;
use std::time::Duration;

use super::workers::{WorkerStatus, read_workers};
use crate::queue::{GROUP, Partition, Queue, QueueError};

/// Consumers looked at in one partition.
const CONSUMERS: u32 = 500;

/// One moment of the queue, all partitions together. Partitions are looked at one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overview {
    /// Each partition by itself.
    pub partitions: Vec<PartitionOverview>,
    /// Every worker, by name.
    pub workers: Vec<WorkerStatus>,
    /// Jobs ended so far, by status code.
    pub ended: BTreeMap<u16, u64>,
}

/// One moment of one partition.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PartitionOverview {
    /// Its number.
    pub partition: u16,
    /// Entries nobody has taken yet.
    pub ready: u64,
    /// Entries in workers' hands, of the living and of those that fell silent.
    pub running: u64,
    /// Jobs put back until their next try is due.
    pub scheduled: u64,
    /// Entries set aside.
    pub quarantined: u64,
    /// Jobs that have not ended.
    pub live: u64,
    /// How long the oldest entry, waiting or in hand, has been ready. `None` where there is no entry.
    pub oldest: Option<Duration>,
    /// Until the next of the schedule is due.
    pub next_due: Option<Duration>,
    /// How long it has been paused.
    pub paused: Option<Duration>,
    /// The recent mean run.
    pub mean_run: Option<Duration>,
}

/// What the script answers.
type Answer = (Vec<i64>, String, Vec<(String, f64)>, Vec<(String, u64)>, Vec<(u16, u64)>);

impl Overview {
    /// A figure over all partitions.
    pub fn sum(&self, figure: impl Fn(&PartitionOverview) -> u64) -> u64 {
        self.partitions.iter().map(figure).sum()
    }

    /// The greatest age over all partitions.
    pub fn longest(&self, age: impl Fn(&PartitionOverview) -> Option<Duration>) -> Option<Duration> {
        self.partitions.iter().filter_map(age).max()
    }

    /// Workers that said they live within the last seconds.
    pub fn live_workers(&self) -> usize {
        self.workers.iter().filter(|worker| worker.alive).count()
    }

    /// Jobs ended so far.
    pub fn ended_total(&self) -> u64 {
        self.ended.values().sum()
    }
}

impl Queue {
    /// Looks at every partition, one round trip each.
    pub async fn overview(&self) -> Result<Overview, QueueError> {
        let mut overview = Overview::default();
        for partition in self.keys().partitions() {
            let (now, run, alive, consumers, ended) = self.look_at(partition).await?;
            read_workers(&mut overview.workers, now.first().copied().unwrap_or(0), alive, consumers);
            for (status, jobs) in ended {
                *overview.ended.entry(status).or_default() += jobs;
            }
            overview.partitions.push(read_partition(partition, &now, &run)?);
        }
        overview.workers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(overview)
    }

    async fn look_at(&self, partition: Partition) -> Result<Answer, QueueError> {
        let keys = self.keys();
        let mut call = self.inner.scripts.overview.prepare_invoke();
        call.key(keys.stream(partition))
            .key(keys.scheduled(partition))
            .key(keys.quarantine(partition))
            .key(keys.live(partition))
            .key(keys.workers(partition))
            .key(keys.eta(partition))
            .key(keys.paused(partition))
            .key(keys.counts(partition));
        call.arg(GROUP).arg(CONSUMERS);
        Ok(self.redis().script(&call).await?)
    }
}

fn read_partition(partition: Partition, numbers: &[i64], run: &str) -> Result<PartitionOverview, QueueError> {
    let &[now, entries, pending, scheduled, quarantined, live, oldest, due, paused] = numbers else {
        return Err(QueueError::Corrupt("the answer of overview"));
    };
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    // -1 stands for "none"; the other end of an age may lie a moment ahead of Redis' clock.
    let age = |from: i64, to: i64| Duration::from_millis(count(to.saturating_sub(from)));
    Ok(PartitionOverview {
        partition: partition.0,
        ready: count(entries.saturating_sub(pending)),
        running: count(pending),
        scheduled: count(scheduled),
        quarantined: count(quarantined),
        live: count(live),
        oldest: (oldest >= 0).then(|| age(oldest, now)),
        next_due: (due >= 0).then(|| age(now, due)),
        paused: (paused >= 0).then(|| age(paused, now)),
        mean_run: run.parse().ok().and_then(|ms: f64| Duration::try_from_secs_f64(ms / 1_000.0).ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_by_redis_clock_and_absent_ones_are_none() {
        let seen = read_partition(Partition(3), &[10_000, 5, 2, 1, 0, 6, 7_000, 12_000, -1], "8.5").unwrap();
        assert_eq!((seen.partition, seen.ready, seen.running, seen.scheduled), (3, 3, 2, 1));
        assert_eq!(
            (seen.oldest, seen.next_due),
            (Some(Duration::from_secs(3)), Some(Duration::from_secs(2)))
        );
        assert_eq!((seen.paused, seen.mean_run), (None, Some(Duration::from_micros(8_500))));
    }

    #[test]
    fn figures_are_summed_and_ages_are_the_worst() {
        let of = |ready, oldest| PartitionOverview {
            ready,
            oldest: Some(Duration::from_secs(oldest)),
            ..PartitionOverview::default()
        };
        let overview = Overview { partitions: vec![of(2, 9), of(3, 4)], ..Overview::default() };
        assert_eq!(overview.sum(|partition| partition.ready), 5);
        assert_eq!(overview.longest(|partition| partition.oldest), Some(Duration::from_secs(9)));
    }
}
