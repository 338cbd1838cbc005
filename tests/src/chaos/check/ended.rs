//! I1 and I6: jobs end, and stay ended.

use super::Breach;
use crate::chaos::evidence::Evidence;

/// I1: every job that a client was promised has a record, and the record says how it ended.
pub fn every_accepted_job_ended(evidence: &Evidence) -> Option<Breach> {
    let ended = |job: &str| {
        evidence.records.get(job).is_some_and(|record| record.has_ended() && record.result.is_some())
    };
    let jobs = evidence.accepted().into_iter().filter(|job| !ended(job)).map(str::to_owned).collect();
    Breach::of("I1", "accepted, but did not end", jobs)
}

/// I6: a job ends once, and the result read at its end is still there at the end of the run.
pub fn no_ended_job_changed(evidence: &Evidence) -> Option<Breach> {
    let changed = evidence.endings.iter().filter(|(job, ending)| {
        let last = evidence.records.get(*job);
        ending.times > 1 || last.is_some_and(|last| *last != ending.record && ending.record.has_ended())
    });
    Breach::of("I6", "changed after it had ended", changed.map(|(job, _)| job.clone()).collect())
}
