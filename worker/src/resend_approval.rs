//! The one job: resend the code of an approval. It reads as section 4 of the contract reads; each step either goes on
//! or stops the job with what is to become of it. How it ended is logged where it is settled.

mod decide;
mod deliver;
mod leave;
mod lookup;
mod stop;

use serde_json::Value;
use shared::outcome::Outcome;
use shared::queue::{Delivery, Verdict};

use crate::context::Context;
use stop::Stop;

/// Does the job of one delivery, once. Nothing is written to the queue but the intent to send; the caller settles what
/// is returned.
#[tracing::instrument(skip_all, fields(job = %delivery.message.job, request_id = %delivery.message.request))]
pub async fn resend_approval(delivery: &Delivery, context: &Context) -> Verdict {
    match run(delivery, context).await {
        Ok(sent) => Verdict::End(Outcome::Sent(sent)),
        Err(Stop::Refused(refusal)) => Verdict::End(Outcome::Refused(refusal)),
        Err(Stop::Later(later)) => later.verdict(delivery, (context.clock)()),
        Err(Stop::Lost) => Verdict::Lost,
    }
}

async fn run(delivery: &Delivery, context: &Context) -> Result<Value, Stop> {
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

    let turn = leave::turn(context).await?;
    let leave = leave::to_send(delivery, &phone, context).await?;
    if let Err(stop) = deliver::send_code(job, &phone, &turn, &leave, context).await {
        if stop.is_unsent() {
            leave.give_back().await;
        }
        return Err(stop);
    }
    Ok(approval.response_data())
}

#[cfg(test)]
mod tests;
