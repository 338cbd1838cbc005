//! Step 5 and the door to step 6: the limits on messages, then the intent to send, both recorded before anything is
//! sent. The limits come first, so that a message they refuse is not counted against its approval.

use std::time::{Duration, Instant};

use shared::limits::{Counted, Leave};
use shared::outcome::Refusal;
use shared::phone::PhoneNumber;
use shared::queue::{Delivery, SendStart};
use shared::telemetry::{Seldom, metric};

use super::stop::{Later, Stop};
use crate::context::Context;
use crate::sms::Turn;

/// Leave to send one message. It grows old: a process that stood still past its lease must not send on what it was
/// granted before, for somebody else may have sent since.
pub(super) struct Granted<'a> {
    delivery: &'a Delivery,
    context: &'a Context,
    counted: Counted,
    since: Instant,
    lasts: Duration,
}

/// Waits for a turn at a channel that has a rate: before leave is asked for, which would grow old meanwhile.
pub(super) async fn turn(context: &Context) -> Result<Turn, Stop> {
    let turn = context.sender.turn().await;
    turn.map_err(|wait| {
        let (cause, otherwise) = ("channels at their rate", Refusal::UpstreamFailed);
        Stop::Later(Later { cause, asked: Some(wait), unsent: true, otherwise })
    })
}

/// Asks for leave to send one message.
pub(super) async fn to_send<'a>(
    delivery: &'a Delivery,
    phone: &PhoneNumber,
    context: &'a Context,
) -> Result<Granted<'a>, Stop> {
    let since = Instant::now();
    let counted = within_limits(delivery, phone, context).await?;
    match context.queue.begin_send(delivery).await {
        Ok(SendStart::Go) => {
            // The heartbeat before was at most a third of a lease ago, so the lease outlasts this by a third at least.
            let lasts = context.queue.config().lease / 3;
            Ok(Granted { delivery, context, counted, since, lasts })
        }
        // Out of time, or two messages went out and no gateway said that it took one: nobody answered in time.
        Ok(SendStart::Late | SendStart::Exhausted) => {
            give_back(counted, context).await;
            Err(Refusal::UpstreamSilent.into())
        }
        // The count is that of whoever has the job now.
        Ok(SendStart::Lost) => Err(Stop::Lost),
        Err(error) => Err(Stop::not_stored(&error)),
    }
}

impl Granted<'_> {
    /// Asked right before the message leaves. Time stopped counts, so it is noticed; the same delivery asking again is
    /// counted once, and one that was taken over meanwhile is refused.
    pub(super) async fn still_holds(&self) -> Result<(), Stop> {
        if self.since.elapsed() < self.lasts {
            return Ok(());
        }
        match self.context.queue.begin_send(self.delivery).await {
            Ok(SendStart::Go) => Ok(()),
            Ok(SendStart::Late | SendStart::Exhausted) => Err(Refusal::UpstreamSilent.into()),
            Ok(SendStart::Lost) => Err(Stop::Lost),
            Err(error) => Err(Stop::not_stored(&error)),
        }
    }

    /// The message certainly was not sent. Where Redis is away it stays counted until its window ends.
    pub(super) async fn give_back(self) {
        give_back(self.counted, self.context).await;
    }
}

async fn give_back(counted: Counted, context: &Context) {
    static SAID: Seldom = Seldom::new();
    if let Err(error) = context.message_limits.give_back(counted).await
        && let Some(held_back) = SAID.turn()
    {
        tracing::warn!(%error, held_back, "a message that was not sent stays counted against its limits");
    }
}

async fn within_limits(delivery: &Delivery, phone: &PhoneNumber, context: &Context) -> Result<Counted, Stop> {
    let leave = context.message_limits.take(delivery, phone).await;
    match leave.map_err(|error| Stop::not_stored(&error))? {
        Leave::Given(counted) => Ok(counted),
        Leave::Refused { limit, next_attempt_ms } => {
            metrics::counter!(metric::LIMIT_HITS, "limit" => limit).increment(1);
            tracing::info!(limit, "a limit on messages is reached");
            Err(Refusal::LimitReached { next_attempt_ms }.into())
        }
    }
}
