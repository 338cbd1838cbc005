//! The workers of the queue, and those that left jobs behind.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::queue::consumer::SWEEP;
use crate::queue::eta::FORGOTTEN_AFTER;

/// One worker process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerStatus {
    /// Its name: host, process number, a random part.
    pub name: String,
    /// Its slots; 0 if it is no longer announced.
    pub slots: u64,
    /// Entries it holds.
    pub running: u64,
    /// Time since its last announcement; `None` if it is no longer announced.
    pub silent: Option<Duration>,
    /// Whether it was announced within the last seconds.
    pub alive: bool,
    /// Time until another worker takes over what it holds, at the latest; `None` while it is alive.
    pub taken_over_in: Option<Duration>,
}

/// The workers by name. Consumers that are neither alive nor hold anything are left out.
pub(super) fn read_workers(
    now_ms: i64,
    alive: Vec<(String, f64)>,
    consumers: Vec<(String, u64, u64)>,
    own_lease: Duration,
) -> Vec<WorkerStatus> {
    let (mut known, mut lease) = (BTreeMap::new(), own_lease);
    for (member, said_at) in alive {
        let mut parts = member.rsplitn(3, '|');
        let (leased, slots, name) =
            (parts.next(), parts.next().unwrap_or("0"), parts.next().unwrap_or(&member));
        // What a silent worker held is taken over after the longest lease of any worker.
        let leased = leased.and_then(|ms| ms.parse().ok()).map(Duration::from_millis);
        lease = lease.max(leased.unwrap_or_default());
        // Milliseconds since the epoch stay exact in a double until the year 287396.
        #[allow(clippy::cast_possible_truncation)]
        let silent = u64::try_from(now_ms.saturating_sub(said_at as i64)).unwrap_or(0);
        let silent = Duration::from_millis(silent);
        let worker = entry(&mut known, name);
        worker.slots = slots.parse().unwrap_or(0);
        worker.silent = Some(silent);
        worker.alive = silent < FORGOTTEN_AFTER;
    }
    for (name, running, idle) in consumers.into_iter().filter(|(_, running, _)| *running > 0) {
        let worker = entry(&mut known, &name);
        worker.running = running;
        // Its newest heartbeat is that old; after the lease, the next sweep of another worker finds its jobs.
        let left = lease.saturating_sub(Duration::from_millis(idle));
        worker.taken_over_in = (!worker.alive).then_some(left + SWEEP * 3 / 2);
    }
    known.into_values().collect()
}

fn entry<'a>(known: &'a mut BTreeMap<String, WorkerStatus>, name: &str) -> &'a mut WorkerStatus {
    known.entry(name.to_owned()).or_insert_with(|| WorkerStatus {
        name: name.to_owned(),
        slots: 0,
        running: 0,
        silent: None,
        alive: false,
        taken_over_in: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_worker_that_holds_jobs_is_listed_and_one_that_holds_none_is_not() {
        let alive = vec![("a|64|30000".into(), 9_500.0), ("s|8|30000".into(), 4_000.0)];
        let consumers = vec![("a".into(), 3, 100), ("b".into(), 0, 0), ("c".into(), 2, 12_000)];
        let known = read_workers(10_000, alive, consumers, Duration::from_secs(5));
        let seen: Vec<_> =
            known.iter().map(|of| (of.name.as_str(), of.slots, of.running, of.alive)).collect();
        assert_eq!(seen, [("a", 64, 3, true), ("c", 0, 2, false), ("s", 8, 0, false)]);
        assert_eq!(known[0].silent, Some(Duration::from_millis(500)));
        // By the lease of the live workers, not by the reader's own shorter one.
        let taken_over: Vec<_> = known.iter().map(|of| of.taken_over_in).collect();
        assert_eq!(taken_over, [None, Some(Duration::from_secs(18) + SWEEP * 3 / 2), None]);
    }
}
