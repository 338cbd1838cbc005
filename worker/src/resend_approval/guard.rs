//! Step 5 and the door to step 6: the limits on messages, then the intent to send and the code, all recorded before
//! anything is sent. The limits come first, so that a message they refuse is not counted against its approval.

use shared::domain::outcome::Refusal;
use shared::domain::phone::PhoneNumber;
use shared::queue::Delivery;
use shared::sending::guard::SendDecision;
use shared::sending::permit::SendPermit;
use shared::telemetry::metric;

use super::step_exit::{RetryScheduled, StepExit};
use crate::code_sender::CodeSender;
use crate::context::Context;
use crate::sms::{SendHistory, Slot};

/// Waits for a slot at a channel that has a rate: before leave is asked for, which would grow old meanwhile.
pub(super) async fn turn(context: &Context) -> Result<Slot, StepExit> {
    let turn = context.sender.turn(&SendHistory::NONE).await;
    turn.map_err(|wait| {
        let (cause, otherwise) = ("channels at their rate", Refusal::UpstreamFailed);
        StepExit::Retry(RetryScheduled { cause, asked: Some(wait), unsent: true, send: None, otherwise })
    })
}

/// Asks for leave to send one message.
pub(super) async fn to_send(
    delivery: &Delivery,
    phone: &PhoneNumber,
    context: &Context,
) -> Result<SendPermit, StepExit> {
    let codes = match &context.sender {
        CodeSender::Local { codes, .. } => Some(codes.as_ref()),
        CodeSender::Service(_) => None,
    };
    match context.gate.ask(delivery, phone, codes).await {
        Ok(SendDecision::Granted(permit)) => Ok(permit),
        Ok(SendDecision::LimitReached(reached)) => {
            metrics::counter!(metric::LIMIT_HITS, "limit" => reached.limit.as_str()).increment(1);
            tracing::info!(limit = reached.limit.as_str(), "a limit on messages is reached");
            Err(Refusal::LimitReached { limit: reached.limit, next_attempt_ms: reached.next_attempt_ms }
                .into())
        }
        // Out of time, or two messages went out and no gateway said that it took one: nobody answered in time.
        Ok(SendDecision::Late | SendDecision::Exhausted) => Err(Refusal::UpstreamSilent.into()),
        Ok(SendDecision::Lost) => Err(StepExit::Lost),
        Err(error) => Err(StepExit::not_stored(&error)),
    }
}
