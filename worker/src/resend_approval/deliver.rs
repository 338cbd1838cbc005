//! Step 6: leave to send, the code, the message; and what a job's future is after each way a submission can go.

use std::time::Duration;

use shared::failpoint;
use shared::message::Message;
use shared::otp::Offered;
use shared::outcome::Refusal;
use shared::phone::PhoneNumber;
use shared::queue::{Delivery, SendStart};
use tokio::time::timeout;

use super::stop::{Later, Stop};
use crate::context::Context;
use crate::sms::Submission;
use crate::upstream::Origin;

/// Longest a run spends on making a sent code the only one. Nothing may come between a message that was taken and the
/// record of it: a run that is cut off there sends again.
const ACTIVATION_LIMIT: Duration = Duration::from_secs(1);

/// Records the intent to send, if sending is still allowed.
pub(super) async fn begin(delivery: &Delivery, context: &Context) -> Result<(), Stop> {
    match context.queue.begin_send(delivery).await {
        Ok(SendStart::Go) => Ok(()),
        // Out of time, or two messages went out and no gateway said that it took one: nobody answered in time.
        Ok(SendStart::Late | SendStart::Exhausted) => Err(Refusal::UpstreamSilent.into()),
        Ok(SendStart::Lost) => Err(Stop::Lost),
        Err(error) => Err(not_stored(&error)),
    }
}

/// Sends the job's code. It can be checked before it leaves; the code before it dies once a gateway took this one.
pub(super) async fn send_code(job: &Message, phone: &PhoneNumber, context: &Context) -> Result<(), Stop> {
    let offered = context.codes.offer(phone, &job.job).await.map_err(|error| not_stored(&error))?;
    let Some(offered) = offered else {
        tracing::info!("the code was used already: an earlier run's message arrived");
        return Ok(());
    };
    failpoint::hit(failpoint::BEFORE_SUBMIT, &job.job).await;
    let submission = context.sms.send(phone, &offered.code, &job.job, Origin::from(job)).await;
    failpoint::hit(failpoint::AFTER_SUBMIT, &job.job).await;
    accept(submission)?;
    activate(&offered, job, context).await;
    Ok(())
}

/// Whether the message was taken, else what to do about it.
fn accept(submission: Submission) -> Result<(), Stop> {
    let (cause, asked, unsent, otherwise) = match submission {
        Submission::Taken { message_id } => {
            tracing::info!(message_id, "the gateway took the message");
            return Ok(());
        }
        Submission::Refused => return Err(Refusal::UpstreamFailed.into()),
        Submission::Busy { retry_after } => ("gateway busy", retry_after, true, Refusal::UpstreamFailed),
        Submission::Unreachable => ("gateway unreachable", None, true, Refusal::UpstreamSilent),
        Submission::Failed => ("gateway failed", None, false, Refusal::UpstreamFailed),
        Submission::Unanswered => ("gateway silent", None, false, Refusal::UpstreamSilent),
    };
    Err(Stop::Later(Later { cause, asked, unsent, otherwise }))
}

/// The message is out, so the job is done whatever happens here; a check accepts the code without it, too.
async fn activate(offered: &Offered, job: &Message, context: &Context) {
    match timeout(ACTIVATION_LIMIT, context.codes.activate(offered, &job.job)).await {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => tracing::info!("a later code of this phone was offered meanwhile"),
        Ok(Err(error)) => tracing::error!(%error, "the code before the one just sent stays valid"),
        Err(_) => tracing::error!("redis is slow: the code before the one just sent stays valid"),
    }
}

fn not_stored(error: &dyn std::error::Error) -> Stop {
    tracing::warn!(%error, "nothing is sent while Redis does not record it");
    let (cause, otherwise) = ("redis away", Refusal::UpstreamSilent);
    Stop::Later(Later { cause, asked: None, unsent: true, otherwise })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_was_taken_is_the_end() {
        assert_eq!(accept(Submission::Taken { message_id: None }), Ok(()));
    }

    #[test]
    fn a_refused_message_is_not_tried_again() {
        assert_eq!(accept(Submission::Refused), Err(Stop::Refused(Refusal::UpstreamFailed)));
    }

    #[test]
    fn only_a_message_that_cannot_have_been_taken_is_not_counted() {
        let retry_after = Some(Duration::from_secs(7));
        for (submission, asked, unsent, otherwise) in [
            (Submission::Busy { retry_after }, retry_after, true, Refusal::UpstreamFailed),
            (Submission::Unreachable, None, true, Refusal::UpstreamSilent),
            (Submission::Failed, None, false, Refusal::UpstreamFailed),
            (Submission::Unanswered, None, false, Refusal::UpstreamSilent),
        ] {
            let Err(Stop::Later(later)) = accept(submission.clone()) else {
                panic!("{submission:?} was decided")
            };
            assert_eq!(
                (later.asked, later.unsent, later.otherwise),
                (asked, unsent, otherwise),
                "{submission:?}"
            );
        }
    }
}
