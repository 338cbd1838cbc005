//! Step 5 and the start of step 6: the limits on messages, then the intent to send and the code, all recorded before
//! anything is sent. The limits come first, so that a refused message does not count against its approval.

use std::time::Duration;

use shared::domain::outcome::Refusal;
use shared::domain::phone::PhoneNumber;
use shared::queue::Delivery;
use shared::sending::guard::SendDecision;
use shared::sending::permit::SendPermit;
use shared::telemetry::metric;
use tokio::time::timeout;

use super::history::History;
use super::step_exit::{RetryScheduled, StepExit};
use crate::code_sender::CodeSender;
use crate::context::Context;
use crate::sms::Slot;

/// Longest wait for a permit to send.
const PERMIT_LIMIT: Duration = Duration::from_secs(2);

/// Waits for a slot at a channel that would take the message, unless one is reserved. This comes before the permit,
/// which would expire meanwhile.
pub(super) async fn slot(history: &History, reserved: Slot, context: &Context) -> Result<Slot, StepExit> {
    let slot = context.sender.slot(&history.for_channels(), reserved).await;
    slot.map_err(|wait| StepExit::retry("no channel takes messages now", Some(wait), Refusal::UpstreamFailed))
}

/// Requests a permit to send one message.
pub(super) async fn to_send(
    delivery: &Delivery,
    phone: &PhoneNumber,
    context: &Context,
) -> Result<SendPermit, StepExit> {
    let codes = match &context.sender {
        CodeSender::Local { codes, .. } => Some(codes.as_ref()),
        CodeSender::Service(_) => None,
    };
    let asked = timeout(PERMIT_LIMIT, context.send_guard.ask(delivery, phone, codes)).await;
    let unsent = || Some(context.send_guard.unsent(delivery, phone));
    let Ok(decision) = asked else {
        let (cause, otherwise) = ("redis is slow", Refusal::UpstreamSilent);
        return Err(StepExit::Retry(RetryScheduled { cause, asked: None, send: unsent(), otherwise }));
    };
    match decision {
        Ok(SendDecision::Granted(permit)) => Ok(permit),
        Ok(SendDecision::LimitReached(reached)) => {
            metrics::counter!(metric::LIMIT_HITS, "limit" => reached.limit.as_str()).increment(1);
            tracing::info!(limit = reached.limit.as_str(), "a limit on messages is reached");
            Err(Refusal::LimitReached { limit: reached.limit, next_attempt_ms: reached.next_attempt_ms }
                .into())
        }
        Ok(SendDecision::Late) => Err(Refusal::UpstreamSilent.into()),
        Ok(SendDecision::Exhausted) => Err(Refusal::DeliveryUnknown { silent: true }.into()),
        Ok(SendDecision::Lost) => Err(StepExit::Lost),
        Err(error) => {
            let not_stored = RetryScheduled::not_stored(&error);
            Err(StepExit::Retry(RetryScheduled { send: unsent(), ..not_stored }))
        }
    }
}
