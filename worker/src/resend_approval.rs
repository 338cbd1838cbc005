//! The one job: resend the code of an approval. It reads as section 4 of the contract reads; each step either goes on
//! or stops the job with what is to become of it. How it ended is logged where it is settled.

mod checks;
mod decide;
mod deliver;
mod guard;
mod lookup;
mod preview;
mod step_exit;

use shared::domain::outcome::Outcome;
use shared::queue::{Delivery, JobDisposition};
use shared::sending::permit::SendPermit;
use shared::telemetry::metric;

use crate::context::Context;
use checks::Sendable;
pub use preview::{Decision, Preview, preview};
use step_exit::{RetryScheduled, StepExit};

/// Does the job of one delivery, once. Nothing is written to the queue but the intent to send; the caller settles what
/// is returned.
#[tracing::instrument(skip_all, fields(job = %delivery.message.job, request_id = %delivery.message.request))]
pub async fn resend_approval(delivery: &Delivery, context: &Context) -> JobDisposition {
    match run(delivery, context).await {
        Ok(sent) => JobDisposition::End(Outcome::Sent(sent)),
        Err(StepExit::Refused(refusal)) => JobDisposition::End(Outcome::Refused(refusal)),
        Err(StepExit::Retry(later)) => later.verdict(delivery, (context.clock)()),
        Err(StepExit::Lost) => JobDisposition::Lost,
    }
}

async fn run(delivery: &Delivery, context: &Context) -> Result<String, StepExit> {
    let (job, now) = (&delivery.message, (context.clock)());
    let checked = checks::check(job, &context.registry, &context.limits.countries, now).await;
    let Sendable { phone, is_former_phone, result } = checked.reported()?;

    let turn = guard::turn(context).await?;
    let permit = guard::to_send(delivery, &phone, context).await?;
    if let Err(stop) = deliver::send_code(job, &phone, &turn, &permit, context).await {
        return Err(settle(stop, &permit, context).await);
    }
    metrics::counter!(metric::FORMER_PHONES).increment(u64::from(is_former_phone));
    Ok(result)
}

/// Takes a message that certainly was not sent back from all limits: with the job where it is put back, else at once.
async fn settle(stop: StepExit, permit: &SendPermit, context: &Context) -> StepExit {
    let settlement = permit.settle(0, !stop.is_unsent());
    match (stop, settlement) {
        (StepExit::Retry(later), send) => StepExit::Retry(RetryScheduled { send, ..later }),
        (stop, Some(settlement)) => {
            context.gate.settle(&settlement).await;
            stop
        }
        (stop, None) => stop,
    }
}

#[cfg(test)]
mod tests;
