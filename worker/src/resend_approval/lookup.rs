//! Steps 1 and 2: the current state of person and approval.

use shared::domain::approval::Approval;
use shared::domain::message::Message;
use shared::domain::outcome::Refusal;
use shared::domain::person::Person;

use super::step_exit::{RetryScheduled, StepExit};
use crate::context::Context;
use crate::registry::RegistryError;
use crate::upstream::Origin;

/// Asks for both at once, which halves the time. The answers come apart, so that what is wrong with the person, even
/// for a moment, is looked at before anything said about the approval.
pub(super) async fn person_and_approval(
    job: &Message,
    context: &Context,
) -> (Result<Person, StepExit>, Result<Approval, StepExit>) {
    let origin = Origin::from(job);
    let (person, approval) = tokio::join!(
        context.registry.person(job.patient, origin),
        context.registry.approval(job.patient, job.approval, origin),
    );
    (
        person.map_err(|error| stop(error, Refusal::PersonNotFound)),
        approval.map_err(|error| stop(error, Refusal::ApprovalNotFound)),
    )
}

fn stop(error: RegistryError, not_found: Refusal) -> StepExit {
    let (cause, asked, otherwise) = match error {
        RegistryError::NotFound => return StepExit::Refused(not_found),
        RegistryError::Failed { retry_after } => ("registry failed", retry_after, Refusal::UpstreamFailed),
        RegistryError::Silent => ("registry silent", None, Refusal::UpstreamSilent),
    };
    StepExit::Retry(RetryScheduled { cause, asked, unsent: true, otherwise })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_a_404_is_not_found_and_all_else_is_tried_again() {
        assert_eq!(
            stop(RegistryError::NotFound, Refusal::PersonNotFound),
            StepExit::Refused(Refusal::PersonNotFound)
        );
        let retry_after = Some(Duration::from_secs(7));
        for (error, asked, otherwise) in [
            (RegistryError::Failed { retry_after }, retry_after, Refusal::UpstreamFailed),
            (RegistryError::Silent, None, Refusal::UpstreamSilent),
        ] {
            let StepExit::Retry(later) = stop(error, Refusal::PersonNotFound) else {
                panic!("{error:?} was decided")
            };
            assert_eq!((later.asked, later.unsent, later.otherwise), (asked, true, otherwise));
        }
    }
}
