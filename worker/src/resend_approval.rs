//! The one job: resend the code of an approval. It reads as section 4 of the contract reads; each step either goes on
//! or stops the job with what is to become of it. How it ended is logged where it is settled.

mod decide;
mod deliver;
mod guard;
mod lookup;
mod step_exit;

use serde_json::Value;
use shared::domain::outcome::Outcome;
use shared::queue::{Delivery, JobDisposition};

use crate::context::Context;
use step_exit::StepExit;

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

async fn run(delivery: &Delivery, context: &Context) -> Result<Value, StepExit> {
    let (job, now) = (&delivery.message, (context.clock)());
    let (person, approval) = lookup::person_and_approval(job, context).await;

    let person = person?;
    decide::person_is_active(&person)?;

    let approval = approval?;
    decide::approval_is_the_patients(&approval, job)?;
    decide::approval_is_open(&approval, now)?;

    decide::method_is_otp(&person, &approval, now)?;
    let phone = decide::phone(&approval)?;
    decide::country_is_allowed(&phone, &context.limits.countries)?;

    let turn = guard::turn(context).await?;
    let leave = guard::to_send(delivery, &phone, context).await?;
    if let Err(stop) = deliver::send_code(job, &phone, &turn, &leave, context).await {
        if stop.is_unsent() {
            leave.refund().await;
        }
        return Err(stop);
    }
    Ok(approval.response_data())
}

#[cfg(test)]
mod tests;
