//! The only kind of job: resend the code of an approval. The code follows section 4 of the contract; each step either
//! continues or stops the job with its disposition. Its end is logged where it is settled.

mod checks;
mod decide;
mod deliver;
mod guard;
mod history;
mod lookup;
mod preview;
mod step_exit;

use shared::domain::outcome::Outcome;
use shared::queue::{Delivery, JobDisposition};
use shared::telemetry::metric;

use crate::context::Context;
use crate::runner::RunState;
use crate::sms::Slot;
use checks::Sendable;
use deliver::SendAttempt;
use history::History;
pub use preview::{Decision, Preview, preview};
use step_exit::StepExit;

/// Runs the job of one delivery, once. Writes only the intent to send to the queue; the caller settles the result.
/// `state` keeps the progress in case the run is cut off; `slot` is a slot that was reserved, if channels have rates.
pub async fn resend_approval(
    delivery: &Delivery,
    context: &Context,
    state: &RunState,
    slot: Slot,
) -> JobDisposition {
    let history = match History::of(delivery, context).await {
        Ok(history) => history,
        Err(unread) => return unread,
    };
    state.attempt(history.attempt());
    let exit = match run(delivery, context, &history, state, slot).await {
        Ok(outcome) => return end(delivery, context, outcome),
        Err(exit) => exit.after(history.open_silent()),
    };
    match exit {
        StepExit::Refused(refusal) => end(delivery, context, Outcome::Refused(refusal)),
        StepExit::Retry(later) => later.disposition(&history.job),
        StepExit::Lost => JobDisposition::Lost,
    }
}

async fn run(
    delivery: &Delivery,
    context: &Context,
    history: &History,
    state: &RunState,
    slot: Slot,
) -> Result<Outcome, StepExit> {
    let (job, now) = (&delivery.message, (context.clock)());
    // A retried job does not call the registry while its message could not be sent anyway.
    let is_early = history.job.is_retry;
    let slot = if is_early { guard::slot(history, slot, context).await? } else { slot };

    let checked = checks::check(job, &context.registry, &context.limits.countries, now).await;
    let Sendable { phone, is_former_phone, result } = checked.reported()?;

    let slot = if is_early { slot } else { guard::slot(history, slot, context).await? };
    let permit = guard::to_send(delivery, &phone, context).await?;
    state.permitted(permit.settle(0, false));
    let this = SendAttempt { delivery, phone: &phone, history, permit: &permit, run: state };
    let outcome = Outcome::Sent(result);
    deliver::send_code(this, &slot, outcome.clone(), context).await?;
    metrics::counter!(metric::FORMER_PHONES).increment(u64::from(is_former_phone));
    Ok(outcome)
}

fn end(delivery: &Delivery, context: &Context, outcome: Outcome) -> JobDisposition {
    context.open_outcomes.forget(&delivery.message.job);
    JobDisposition::End(outcome)
}

#[cfg(test)]
mod tests;
