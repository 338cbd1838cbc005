//! All evidence of a run, for checks of its promises.

use std::collections::{HashMap, HashSet};

use super::client_request::ClientRequest;
use super::endings::Ending;
use super::records::Record;
use crate::sandbox::Message;

/// The clients' log, the gateway's ledger, and the content of Redis, at the end and whenever a job ended.
#[derive(Debug, Default)]
pub struct Evidence {
    /// The clients' requests and answers.
    pub asked: Vec<ClientRequest>,
    /// The messages that the gateway took, oldest first.
    pub ledger: Vec<Message>,
    /// Every job in Redis at the end.
    pub records: HashMap<String, Record>,
    /// The ends of jobs, as read when they ended.
    pub endings: HashMap<String, Ending>,
    /// Jobs whose worker died or whose gateway left it open whether it took the message: they may have more than one
    /// SMS.
    pub excused: HashSet<String>,
    /// Messages that such a job may have; two unless a gateway answers 503 with a time for messages that it took.
    pub excused_messages: ExcusedMessages,
}

/// Most messages of such a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExcusedMessages(pub usize);

impl Default for ExcusedMessages {
    fn default() -> Self {
        Self(2)
    }
}

impl Evidence {
    /// The same with this many messages allowed for such jobs.
    #[must_use]
    pub fn allowing(mut self, messages: usize) -> Self {
        self.excused_messages = ExcusedMessages(messages);
        self
    }

    /// Jobs that a client was promised.
    pub fn accepted(&self) -> HashSet<&str> {
        self.asked.iter().flat_map(ClientRequest::jobs).collect()
    }

    /// Messages by the job that they refer to; those without a reference are under the empty one.
    pub fn messages(&self) -> HashMap<&str, Vec<&Message>> {
        let mut by_job: HashMap<&str, Vec<&Message>> = HashMap::new();
        for message in &self.ledger {
            by_job.entry(message.reference.as_deref().unwrap_or_default()).or_default().push(message);
        }
        by_job
    }

    /// Accepted jobs with this many messages taken.
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
