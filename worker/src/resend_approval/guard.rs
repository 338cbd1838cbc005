//! Step 5 and the door to step 6: the limits on messages, then the intent to send and the code, all recorded before
//! anything is sent. The limits come first, so that a message they refuse is not counted against its approval.

use std::time::{Duration, Instant};

use shared::domain::outcome::Refusal;
use shared::domain::phone::PhoneNumber;
use shared::queue::{Delivery, SendStart};
use shared::sending::codes::Offered;
use shared::sending::guard::{SendDecision, SendPermit};
use shared::sending::limits::LimitExceeded;
use shared::telemetry::metric;

use super::step_exit::{RetryScheduled, StepExit};
use crate::code_sender::CodeSender;
use crate::context::Context;
use crate::sms::{SendHistory, Slot};

/// Longest that leave is acted on without asking again.
const LEAVE_LASTS: Duration = Duration::from_secs(10);

/// SendDecision to send one message. It grows old: a process that stood still past its lease must not send on what it was
/// granted before, for somebody else may have sent since.
pub(super) struct Granted<'a> {
    delivery: &'a Delivery,
    context: &'a Context,
    given: SendPermit,
    since: Instant,
    lasts: Duration,
}

/// Waits for a turn at a channel that has a rate: before leave is asked for, which would grow old meanwhile.
pub(super) async fn turn(context: &Context) -> Result<Slot, StepExit> {
    let turn = context.sender.turn(&SendHistory::NONE).await;
    turn.map_err(|wait| {
        let (cause, otherwise) = ("channels at their rate", Refusal::UpstreamFailed);
        StepExit::Retry(RetryScheduled { cause, asked: Some(wait), unsent: true, otherwise })
    })
}

/// Asks for leave to send one message.
pub(super) async fn to_send<'a>(
    delivery: &'a Delivery,
    phone: &PhoneNumber,
    context: &'a Context,
) -> Result<Granted<'a>, StepExit> {
    let since = Instant::now();
    let codes = match &context.sender {
        CodeSender::Local { codes, .. } => Some(codes.as_ref()),
        CodeSender::Service(_) => None,
    };
    match context.gate.ask(delivery, phone, codes).await {
        Ok(SendDecision::Granted(given)) => {
            // The heartbeat before was at most a third of a lease ago, so the lease outlasts this by a third at least. The
            // deadline was looked at, too: it is not to be left far behind.
            let lasts = LEAVE_LASTS.min(context.queue.config().lease / 3);
            Ok(Granted { delivery, context, given, since, lasts })
        }
        Ok(SendDecision::LimitReached(reached)) => {
            let LimitExceeded { limit, next_attempt_ms } = reached;
            metrics::counter!(metric::LIMIT_HITS, "limit" => limit.as_str()).increment(1);
            tracing::info!(limit = limit.as_str(), "a limit on messages is reached");
            Err(Refusal::LimitReached { limit, next_attempt_ms }.into())
        }
        // Out of time, or two messages went out and no gateway said that it took one: nobody answered in time.
        Ok(SendDecision::Late | SendDecision::Exhausted) => Err(Refusal::UpstreamSilent.into()),
        Ok(SendDecision::Lost) => Err(StepExit::Lost),
        Err(error) => Err(StepExit::not_stored(&error)),
    }
}

impl Granted<'_> {
    /// The code to be sent, where it is made here. None: it was used already.
    pub(super) fn offered(&self) -> Option<&Offered> {
        self.given.offered.as_ref()
    }

    /// Asked right before the message leaves. Time stopped counts, so it is noticed; the same delivery asking again is
    /// counted once, and one that was taken over meanwhile is refused.
    pub(super) async fn revalidate(&self) -> Result<(), StepExit> {
        if self.since.elapsed() < self.lasts {
            return Ok(());
        }
        match self.context.queue.begin_send(self.delivery).await {
            Ok(SendStart::Go) => Ok(()),
            Ok(SendStart::Late | SendStart::Exhausted) => Err(Refusal::UpstreamSilent.into()),
            Ok(SendStart::Lost) => Err(StepExit::Lost),
            Err(error) => Err(StepExit::not_stored(&error)),
        }
    }

    /// The message certainly was not sent.
    pub(super) async fn refund(self) {
        self.context.gate.refund(&self.given.counted).await;
    }
}
