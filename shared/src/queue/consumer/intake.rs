//! Whether a worker takes jobs, and if not, why.

use std::sync::Arc;

use tokio::sync::watch;

/// What a worker does about new jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intake {
    /// It does not know yet whether the queue is paused, and takes nothing until it does.
    Starting,
    /// It takes jobs.
    Taking,
    /// An operator has paused the queue.
    Paused,
    /// Redis refuses the commands that taking jobs needs, or does not answer.
    Refused(Arc<str>),
}

impl Intake {
    /// Why it takes no jobs although no operator paused the queue; `/readyz` returns it.
    pub fn refusal(&self) -> Option<String> {
        match self {
            Self::Taking | Self::Paused => None,
            Self::Starting => Some("redis has not said yet whether the queue is paused".to_owned()),
            Self::Refused(reason) => Some(format!("no jobs are taken: {reason}")),
        }
    }
}

#[derive(Default, Clone)]
struct Known {
    paused: Option<bool>,
    refusal: Option<Arc<str>>,
}

/// What is known of the intake; the consumer's loops update it.
#[derive(Default)]
pub(super) struct IntakeState(watch::Sender<Known>);

impl IntakeState {
    pub(super) fn get(&self) -> Intake {
        let known = self.0.borrow().clone();
        match known {
            Known { refusal: Some(reason), .. } => Intake::Refused(reason),
            Known { paused: None, .. } => Intake::Starting,
            Known { paused: Some(true), .. } => Intake::Paused,
            Known { paused: Some(false), .. } => Intake::Taking,
        }
    }

    /// Paused, or not known yet: a worker that starts during a pause takes nothing either.
    pub(super) fn is_paused(&self) -> bool {
        self.0.borrow().paused.unwrap_or(true)
    }

    /// Records whether the queue is paused, or why that could not be read; in that case the last known value stands.
    /// While nothing is fetched, only this shows whether Redis can be read.
    pub(super) fn note_looked(&self, looked: Result<bool, Arc<str>>) {
        if let Ok(paused) = looked {
            self.note_paused(paused);
        }
        if self.is_paused() {
            self.note_refusal(looked.err());
        }
    }

    /// Records whether the queue is paused, and logs a change.
    fn note_paused(&self, paused: bool) {
        let before = self.0.borrow().paused;
        self.0.send_modify(|known| known.paused = Some(paused));
        match (before, paused) {
            (None | Some(false), true) => tracing::warn!("paused by an operator: no new job is taken"),
            (Some(true), false) => tracing::info!("resumed by an operator"),
            _ => {}
        }
    }

    /// Records that a read of the queue failed, or succeeded (`None`); logs a change.
    pub(super) fn note_refusal(&self, reason: Option<Arc<str>>) {
        let before = self.0.borrow().refusal.clone();
        if before == reason {
            return;
        }
        match (&before, &reason) {
            (None, Some(reason)) => tracing::warn!(%reason, "no jobs are taken"),
            (Some(_), None) => tracing::info!("jobs are taken again"),
            _ => {}
        }
        self.0.send_modify(|known| known.refusal = reason);
    }

    /// Completes once the queue is known not to be paused.
    pub(super) async fn resumed(&self) {
        // `self` holds the sender, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|known| known.paused == Some(false)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_takes_jobs_once_it_knows_that_it_may_and_nothing_is_refused() {
        let state = IntakeState::default();
        assert_eq!(state.get(), Intake::Starting);
        assert!(state.is_paused());
        assert!(state.get().refusal().is_some());
        state.note_looked(Ok(false));
        assert_eq!(state.get(), Intake::Taking);
        state.note_refusal(Some("out of memory".into()));
        assert_eq!(state.get().refusal().unwrap(), "no jobs are taken: out of memory");
        state.note_looked(Ok(false));
        assert!(state.get().refusal().is_some(), "only a fetch shows that jobs can be fetched");
        state.note_refusal(None);
        state.note_looked(Ok(true));
        assert_eq!((state.get(), state.get().refusal()), (Intake::Paused, None));
    }

    #[test]
    fn who_fetches_nothing_learns_from_the_look_that_redis_is_away() {
        let state = IntakeState::default();
        state.note_looked(Err("no answer".into()));
        assert_eq!(state.get(), Intake::Refused("no answer".into()));
        state.note_looked(Ok(true));
        assert_eq!(state.get(), Intake::Paused);
        state.note_looked(Err("no answer".into()));
        assert_eq!(state.get(), Intake::Refused("no answer".into()));
    }
}
