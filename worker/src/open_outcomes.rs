//! Jobs whose last try left it open whether their message was taken, for as long as this worker may see them again. The
//! worker needs the time of the try by its own clock, to compare it with what channels took since.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use shared::domain::ids::JobId;

/// How many jobs are remembered; beyond it all are forgotten, so that each waits a little longer.
const MAX_JOBS: usize = 10_000;

/// Longest time until a job can return: its deadline, at most an hour.
const FORGET_AFTER: Duration = Duration::from_hours(1);

/// A try that left it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenOutcome {
    /// The time of the try.
    pub since: Instant,
    /// There was no answer at all.
    pub silent: bool,
    /// The run died; no gateway answered or failed.
    pub by_crash: bool,
}

/// The open outcomes of this worker.
#[derive(Default)]
pub struct OpenOutcomes(Mutex<HashMap<JobId, OpenOutcome>>);

impl OpenOutcomes {
    /// Records that a try of this job left it open.
    pub fn note(&self, job: &JobId, silent: bool) {
        self.insert(job, OpenOutcome { since: Instant::now(), silent, by_crash: false });
    }

    /// The open outcome of a job, if its record has one. One that another worker left counts from now.
    pub fn of_job(&self, job: &JobId, by_crash: bool) -> OpenOutcome {
        let known = self.jobs().get(job).copied();
        known.unwrap_or_else(|| {
            let outcome = OpenOutcome { since: Instant::now(), silent: true, by_crash };
            self.insert(job, outcome);
            outcome
        })
    }

    /// Forgets a job that has ended.
    pub fn forget(&self, job: &JobId) {
        self.jobs().remove(job);
    }

    fn insert(&self, job: &JobId, outcome: OpenOutcome) {
        let mut jobs = self.jobs();
        if jobs.len() >= MAX_JOBS {
            jobs.retain(|_, outcome| outcome.since.elapsed() < FORGET_AFTER);
        }
        if jobs.len() >= MAX_JOBS {
            jobs.clear();
        }
        jobs.insert(job.clone(), outcome);
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<JobId, OpenOutcome>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moment_of_an_open_outcome_is_kept_until_the_job_ends() {
        let (outcomes, job) = (OpenOutcomes::default(), JobId::generate());
        outcomes.note(&job, false);
        let first = outcomes.of_job(&job, false);
        assert_eq!((outcomes.of_job(&job, true), first.silent), (first, false));
        outcomes.forget(&job);
        let foreign = outcomes.of_job(&job, false);
        assert!(foreign.since > first.since && foreign.silent, "another worker's counts from now");
        assert_eq!(outcomes.of_job(&job, false), foreign);
    }

    #[test]
    fn memory_is_bounded() {
        let outcomes = OpenOutcomes::default();
        for _ in 0..=MAX_JOBS {
            outcomes.note(&JobId::generate(), true);
        }
        assert!(outcomes.jobs().len() <= MAX_JOBS);
    }

    #[test]
    fn jobs_that_cannot_come_back_any_more_are_forgotten_first() {
        let (outcomes, old) = (OpenOutcomes::default(), JobId::generate());
        for _ in 1..MAX_JOBS {
            outcomes.note(&JobId::generate(), true);
        }
        let since = Instant::now().checked_sub(FORGET_AFTER).unwrap();
        outcomes.insert(&old, OpenOutcome { since, silent: true, by_crash: false });
        outcomes.note(&JobId::generate(), true);
        let jobs = outcomes.jobs();
        assert!(jobs.len() == MAX_JOBS && !jobs.contains_key(&old), "{} jobs", jobs.len());
    }
}
