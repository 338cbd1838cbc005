//! *Begin send*: the intent is recorded before anything is sent.

use crate::redis::{ScriptArgs, ScriptBatcher};
use crate::runtime::fail_point;
use crate::telemetry::span::{self, Span};

use super::{Delivery, GROUP, Queue, QueueError};

/// Sends a job may begin: the first, and one more with the same code when nobody can tell what became of the first.
pub(super) const SENDS_PER_JOB: u32 = 2;

/// Whether this delivery may send now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendStart {
    /// Yes; it is counted.
    Go,
    /// No: the deadline is past.
    Late,
    /// No: two sends were begun already, and what became of them is not known.
    Exhausted,
    /// No: the delivery is somebody else's now, or the job ended.
    Lost,
}

impl Queue {
    /// Asks for leave to send. Repeating it for the same delivery counts once.
    pub async fn begin_send(&self, delivery: &Delivery) -> Result<SendStart, QueueError> {
        let span = Span::step(span::BEGIN_SEND, delivery.message.trace.as_ref());
        let item = delivery.fenced(self.keys_of_send(delivery));
        let word: String = self.steps().begin_send.ask(item).await?;
        fail_point::hit(fail_point::AFTER_BEGIN_SEND, &delivery.message.job).await;
        let (start, label) = match word.as_str() {
            "go" => (SendStart::Go, "go"),
            "late" => (SendStart::Late, "late"),
            "exhausted" => (SendStart::Exhausted, "exhausted"),
            "lost" => (SendStart::Lost, "lost"),
            _ => return Err(QueueError::Corrupt("the answer of begin_send")),
        };
        span.result(label);
        Ok(start)
    }

    /// The keys of a send: the first of an item, which other keys may follow.
    pub(crate) fn keys_of_send(&self, delivery: &Delivery) -> ScriptArgs {
        let keys = &self.inner.keys;
        ScriptArgs::new().key(keys.job(&delivery.message.job)).key(keys.sends(&delivery.message.approval))
    }

    /// The step that asks for leave as a whole: the limits and the code with the send.
    pub(crate) fn leave(&self) -> &ScriptBatcher {
        &self.steps().leave
    }
}

impl Delivery {
    /// The arguments each item of a fenced step begins with: consumer, entry, delivery number.
    pub(crate) fn fenced(&self, item: ScriptArgs) -> ScriptArgs {
        item.arg(&self.consumer).arg(&self.entry).arg(self.number)
    }

    /// The arguments every fenced script begins with: group, consumer, entry, delivery number.
    pub(super) fn fence<'a, 'b>(
        &self,
        call: &'b mut ::redis::ScriptInvocation<'a>,
    ) -> &'b mut ::redis::ScriptInvocation<'a>
    where
        'a: 'b,
    {
        call.arg(GROUP).arg(self.consumer.as_ref()).arg(&self.entry).arg(self.number)
    }
}
