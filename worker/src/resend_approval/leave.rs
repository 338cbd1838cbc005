//! Step 5 and the door to step 6: the limits on messages, then the intent to send, both recorded before anything is
//! sent. The limits come first, so that a message they refuse is not counted against its approval.

use shared::limits::{Counted, Leave};
use shared::outcome::Refusal;
use shared::phone::PhoneNumber;
use shared::queue::{Delivery, SendStart};
use shared::telemetry::metric;

use super::stop::Stop;
use crate::context::Context;

/// Asks for leave to send one message. What it returns is to be given back where the message certainly was not sent.
pub(super) async fn to_send(
    delivery: &Delivery,
    phone: &PhoneNumber,
    context: &Context,
) -> Result<Counted, Stop> {
    let counted = within_limits(delivery, phone, context).await?;
    match context.queue.begin_send(delivery).await {
        Ok(SendStart::Go) => Ok(counted),
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

/// The message certainly was not sent. Where Redis is away it stays counted until its window ends.
pub(super) async fn give_back(counted: Counted, context: &Context) {
    if let Err(error) = context.message_limits.give_back(counted).await {
        tracing::warn!(%error, "a message that was not sent stays counted against its limits");
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
