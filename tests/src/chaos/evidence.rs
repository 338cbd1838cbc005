//! Everything a run leaves behind that its promise can be checked against.

use std::collections::{HashMap, HashSet};

use super::client_request::ClientRequest;
use super::endings::Ending;
use super::records::Record;
use crate::sandbox::Message;

/// The clients' log, the gateway's ledger, and Redis in the end and while jobs ended.
#[derive(Debug, Default)]
pub struct Evidence {
    /// What clients asked and were told.
    pub asked: Vec<ClientRequest>,
    /// What the gateway took, oldest first.
    pub ledger: Vec<Message>,
    /// Every job Redis knows in the end.
    pub records: HashMap<String, Record>,
    /// How jobs ended, as it was seen when they did.
    pub endings: HashMap<String, Ending>,
    /// Jobs whose worker died or whose gateway left it open whether it took the message: more than one SMS is allowed.
    pub excused: HashSet<String>,
    /// Messages an excused job may have; two unless a gateway lies with 503 and a time.
    pub excused_messages: ExcusedMessages,
}

/// Most messages of an excused job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExcusedMessages(pub usize);

impl Default for ExcusedMessages {
    fn default() -> Self {
        Self(2)
    }
}

impl Evidence {
    /// The same, where each excused job may have so many messages.
    #[must_use]
    pub fn allowing(mut self, messages: usize) -> Self {
        self.excused_messages = ExcusedMessages(messages);
        self
    }

    /// Jobs a client was promised.
    pub fn accepted(&self) -> HashSet<&str> {
        self.asked.iter().flat_map(ClientRequest::jobs).collect()
    }

    /// Messages by the job they refer to; those without a reference under the empty one.
    pub fn messages(&self) -> HashMap<&str, Vec<&Message>> {
        let mut by_job: HashMap<&str, Vec<&Message>> = HashMap::new();
        for message in &self.ledger {
            by_job.entry(message.reference.as_deref().unwrap_or_default()).or_default().push(message);
        }
        by_job
    }

    /// Accepted jobs of which so many messages were taken.
    pub fn with_messages(&self, count: usize) -> usize {
        let messages = self.messages();
        self.accepted().into_iter().filter(|job| messages.get(job).map_or(0, Vec::len) == count).count()
    }

    /// Accepted jobs that ended this way.
    pub fn in_state(&self, state: &str) -> usize {
        let is = |job: &&str| self.records.get(*job).is_some_and(|record| record.state == state);
        self.accepted().into_iter().filter(is).count()
    }
}
