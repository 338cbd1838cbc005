//! Steps 1 and 2: the current state of person and approval.

use shared::domain::approval::Approval;
use shared::domain::message::Message;
use shared::domain::outcome::Refusal;
use shared::domain::person::Person;

use super::step_exit::{RetryScheduled, StepExit, Stopped};
use crate::registry::{Registry, RegistryError};
use crate::upstream::Origin;

/// Both answers of the registry, kept apart: any problem with the person, even a temporary one, is handled before
/// anything about the approval.
pub(super) struct RegistryAnswers {
    pub(super) person: Result<Person, Stopped>,
    pub(super) approval: Result<Approval, Stopped>,
}

/// Reads both at once, which halves the time.
pub(super) async fn person_and_approval(job: &Message, registry: &Registry) -> RegistryAnswers {
    let origin = Origin::from(job);
    let (person, approval) = tokio::join!(
        registry.person(job.patient, origin),
        registry.approval(job.patient, job.approval, origin),
    );
    RegistryAnswers {
        person: person.map_err(|error| stopped("person", &error, Refusal::PersonNotFound)),
        approval: approval.map_err(|error| stopped("approval", &error, Refusal::ApprovalNotFound)),
    }
}

fn stopped(what: &'static str, error: &RegistryError, not_found: Refusal) -> Stopped {
    let retry = |cause, asked, otherwise| {
        let exit = StepExit::Retry(RetryScheduled { cause, asked, send: None, otherwise });
        Stopped { exit, detail: None }
    };
    match error {
        RegistryError::NotFound => not_found.into(),
        RegistryError::Failed { retry_after } => {
            retry("registry failed", *retry_after, Refusal::UpstreamFailed)
        }
        RegistryError::Silent => retry("registry silent", None, Refusal::UpstreamSilent),
        // The next answer would be the same.
        RegistryError::TooLarge | RegistryError::Unreadable(_) => {
            Stopped { exit: Refusal::UpstreamFailed.into(), detail: Some(format!("{what}: {error}").into()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shared::domain::UnreadableMember;

    use super::*;

    fn exit(error: &RegistryError) -> StepExit {
        stopped("person", error, Refusal::PersonNotFound).exit
    }

    #[test]
    fn only_what_another_try_can_cure_is_tried_again() {
        assert_eq!(exit(&RegistryError::NotFound), StepExit::Refused(Refusal::PersonNotFound));
        let retry_after = Some(Duration::from_secs(7));
        for (error, asked, otherwise) in [
            (RegistryError::Failed { retry_after }, retry_after, Refusal::UpstreamFailed),
            (RegistryError::Silent, None, Refusal::UpstreamSilent),
        ] {
            let StepExit::Retry(later) = exit(&error) else { panic!("{error:?} was decided") };
            assert_eq!((later.asked, later.otherwise), (asked, otherwise));
        }
    }

    #[test]
    fn what_cannot_be_cured_ends_the_job_and_names_the_member() {
        let unreadable = RegistryError::Unreadable(UnreadableMember("urgent.type".into()));
        for (error, named) in [
            (unreadable, "approval: the registry's answer: member urgent.type cannot be read"),
            (RegistryError::TooLarge, "approval: the registry's answer is longer than 1048576 bytes"),
        ] {
            let stopped = stopped("approval", &error, Refusal::ApprovalNotFound);
            assert_eq!(stopped.exit, StepExit::Refused(Refusal::UpstreamFailed));
            assert_eq!(stopped.detail.as_deref(), Some(named));
        }
    }
}
