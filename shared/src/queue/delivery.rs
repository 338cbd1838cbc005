//! One delivery of a job to one worker, and the fence that every later step checks.

use std::sync::Arc;

use super::error::QueueError;
use super::keys::GROUP;
use crate::domain::message::Message;
use crate::redis::ScriptArgs;

/// One delivery of a job to one worker: the right to act on it until it is settled or the lease is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// When the job was accepted, milliseconds since the epoch by Redis' clock.
    pub accepted_ms: u64,
    /// The stream entry.
    pub entry: String,
    /// The consumer it was delivered to: the fence's first half.
    pub consumer: Arc<str>,
    /// How often the entry was delivered, counting from 1: the fence's second half.
    pub number: u64,
}

impl AsRef<Self> for Delivery {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Delivery {
    /// The span for every log line of its job.
    pub fn log_span(&self) -> tracing::Span {
        let Message { job, request, client, .. } = &self.message;
        let client = client.as_ref().map(tracing::field::display);
        tracing::info_span!("job", %job, request_id = %request, client)
    }

    /// The name of this delivery's send in the job's record. It includes the consumer: if the reply of a take-over was
    /// lost, its run has the number of the run before.
    pub(crate) fn name(&self) -> String {
        format!("{}:{}:{}", self.consumer, self.entry, self.number)
    }

    /// The first arguments of each item of a fenced step: consumer, entry, delivery number.
    pub(super) fn fenced(&self, item: ScriptArgs) -> ScriptArgs {
        item.arg(&self.consumer).arg(&self.entry).arg(self.number)
    }

    /// The first arguments of every fenced script: group, consumer, entry, delivery number.
    pub(super) fn fence<'a, 'b>(
        &self,
        call: &'b mut ::redis::ScriptInvocation<'a>,
    ) -> &'b mut ::redis::ScriptInvocation<'a>
    where
        'a: 'b,
    {
        call.arg(GROUP).arg(self.consumer.as_ref()).arg(&self.entry).arg(self.number)
    }

    /// Its message as stored in the stream.
    pub(super) fn encoded(&self) -> Result<String, QueueError> {
        self.message.encode().map_err(|_| QueueError::Corrupt("a message of ids is always JSON"))
    }
}
