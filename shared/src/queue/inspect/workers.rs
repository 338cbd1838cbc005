//! Who works on the queue, and who left jobs behind.

use std::time::Duration;

use crate::queue::eta::FORGOTTEN_AFTER;

/// One worker process, over all partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerStatus {
    /// Its name: host, process number, a random part.
    pub name: String,
    /// Jobs it takes at once; 0 where it no longer says so.
    pub slots: u64,
    /// Entries in its hands.
    pub running: u64,
    /// Since it last said that it lives; `None` where it no longer does.
    pub silent: Option<Duration>,
    /// It said so within the last seconds.
    pub alive: bool,
}

/// Adds what one partition knows of the workers. Consumers that neither live nor hold anything are of no interest.
pub(super) fn read_workers(
    known: &mut Vec<WorkerStatus>,
    now_ms: i64,
    alive: Vec<(String, f64)>,
    consumers: Vec<(String, u64)>,
) {
    for (member, said_at) in alive {
        let (name, slots) = member.rsplit_once('|').unwrap_or((&member, "0"));
        // Milliseconds since the epoch stay exact in a double until the year 287396.
        #[allow(clippy::cast_possible_truncation)]
        let silent = u64::try_from(now_ms.saturating_sub(said_at as i64)).unwrap_or(0);
        let silent = Duration::from_millis(silent);
        let worker = entry(known, name);
        worker.slots = slots.parse().unwrap_or(0);
        worker.silent = Some(worker.silent.map_or(silent, |before| before.min(silent)));
        worker.alive |= silent < FORGOTTEN_AFTER;
    }
    for (name, running) in consumers.into_iter().filter(|(_, running)| *running > 0) {
        entry(known, &name).running += running;
    }
}

fn entry<'a>(known: &'a mut Vec<WorkerStatus>, name: &str) -> &'a mut WorkerStatus {
    let at = known.iter().position(|worker| worker.name == name).unwrap_or_else(|| {
        known.push(WorkerStatus { name: name.to_owned(), slots: 0, running: 0, silent: None, alive: false });
        known.len() - 1
    });
    &mut known[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_of_two_partitions_is_one_and_a_dead_one_with_jobs_is_seen() {
        let mut known = Vec::new();
        read_workers(
            &mut known,
            10_000,
            vec![("a|64".into(), 9_500.0)],
            vec![("a".into(), 3), ("b".into(), 0)],
        );
        read_workers(
            &mut known,
            10_100,
            vec![("a|64".into(), 9_000.0)],
            vec![("a".into(), 1), ("c".into(), 2)],
        );
        let seen: Vec<_> =
            known.iter().map(|of| (of.name.as_str(), of.slots, of.running, of.alive)).collect();
        assert_eq!(seen, [("a", 64, 4, true), ("c", 0, 2, false)]);
        assert_eq!(known[0].silent, Some(Duration::from_millis(500)));
    }

    #[test]
    fn one_that_fell_silent_is_not_alive() {
        let mut known = Vec::new();
        read_workers(&mut known, 10_000, vec![("a|64".into(), 4_000.0)], Vec::new());
        assert!(!known[0].alive);
    }
}
