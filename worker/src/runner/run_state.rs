//! The progress of a run, kept outside of it: if the run is cut off, crashes or loses its lease, it is still known what
//! a gateway did.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::domain::outcome::{Outcome, Refusal};
use shared::queue::{JobAttempt, JobDisposition, SendSettlement, TakenCode};

/// Wait before a run that timed out is tried again.
const AFTER_CUT: Duration = Duration::from_secs(1);

/// Written by the run, and read if the run is cut off.
#[derive(Clone, Default)]
pub struct RunState(Arc<Mutex<Progress>>);

#[derive(Default)]
struct Progress {
    stage: Stage,
    attempt: JobAttempt,
}

#[derive(Default)]
enum Stage {
    /// No permit to send was given yet.
    #[default]
    Before,
    /// A permit was granted and nothing handed over; this settlement takes it back.
    Permitted(Option<SendSettlement>),
    /// A message may be at a gateway.
    Submitting,
    /// A gateway took the message: the job's end.
    Taken(Outcome),
}

impl RunState {
    /// The number of this try.
    pub fn attempt(&self, number: u32) {
        self.progress().attempt.number = number;
    }

    /// The channel that was handed the message, if any was.
    pub fn handed_to(&self, channel: Option<&'static str>) {
        self.progress().attempt.channel = channel;
    }

    /// The details for the log.
    pub fn told(&self) -> JobAttempt {
        self.progress().attempt.clone()
    }

    /// A permit was granted; `unsent` takes it back from all limits.
    pub fn permitted(&self, unsent: Option<SendSettlement>) {
        self.progress().stage = Stage::Permitted(unsent);
    }

    /// The message is about to be handed over.
    pub fn submitting(&self) {
        self.progress().stage = Stage::Submitting;
    }

    /// A gateway took the message with this code, so the job ends like this whatever happens to the run.
    pub fn taken(&self, outcome: Outcome, code: Option<TakenCode>) {
        let mut progress = self.progress();
        (progress.stage, progress.attempt.taken) = (Stage::Taken(outcome), code);
    }

    /// The end of a job whose message was taken.
    pub fn decided(&self) -> Option<JobDisposition> {
        match &self.progress().stage {
            Stage::Taken(outcome) => Some(JobDisposition::End(outcome.clone())),
            Stage::Before | Stage::Permitted(_) | Stage::Submitting => None,
        }
    }

    /// The disposition of a run that is cut off here. If a message may be out, its outcome stays counted as open.
    pub fn cut_off(&self) -> JobDisposition {
        let (send, otherwise) = match &self.progress().stage {
            Stage::Taken(outcome) => return JobDisposition::End(outcome.clone()),
            Stage::Before => (None, Refusal::UpstreamSilent),
            Stage::Permitted(unsent) => (unsent.clone(), Refusal::UpstreamSilent),
            Stage::Submitting => (None, Refusal::DeliveryUnknown { silent: true }),
        };
        JobDisposition::RetryLater { after: AFTER_CUT, send, otherwise }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry(otherwise: Refusal) -> JobDisposition {
        JobDisposition::RetryLater { after: AFTER_CUT, send: None, otherwise }
    }

    #[test]
    fn what_was_taken_outlives_the_cut() {
        let (run, sent) = (RunState::default(), Outcome::Sent("{}".into()));
        assert_eq!((run.decided(), run.cut_off()), (None, retry(Refusal::UpstreamSilent)));
        run.permitted(None);
        assert_eq!(run.cut_off(), retry(Refusal::UpstreamSilent));
        run.submitting();
        assert_eq!(run.cut_off(), retry(Refusal::DeliveryUnknown { silent: true }));
        assert_eq!(run.decided(), None);
        run.taken(sent.clone(), None);
        assert_eq!(run.cut_off(), JobDisposition::End(sent.clone()));
        assert_eq!(run.decided(), Some(JobDisposition::End(sent)));
    }
}
