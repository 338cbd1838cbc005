//! Everything that the sandbox's handlers may use.

use std::{io, path::PathBuf, sync::Arc};

use super::{
    bulk::PatientGenerator,
    calls::Calls,
    faults::Faults,
    inbox::Inbox,
    jwks::Jwks,
    ledger::Ledger,
    message::{Message, MessageIds},
    people::People,
    refusal::Refusal,
    sent_keys::SentKeys,
    tokens::Tokens,
    verification::Verifications,
};

/// How a sandbox is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Every accepted message is appended here, one JSON line each, before the gateway answers.
    pub ledger: Option<PathBuf>,
    /// Messages the inbox keeps in memory; the oldest go first. The ledger keeps all.
    pub keep: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { ledger: None, keep: 200_000 }
    }
}

impl Options {
    /// Whether a sandbox can be set up so: the ledger must be writable.
    pub fn check(&self) -> io::Result<()> {
        Ledger::open(self.ledger.as_deref()).map(drop)
    }
}

/// The state behind all routes; cheap to clone.
pub(crate) type Shared = Arc<Sandbox>;

pub(crate) struct Sandbox {
    pub(crate) bulk: PatientGenerator,
    pub(crate) calls: Calls,
    pub(crate) faults: Faults,
    pub(crate) inbox: Inbox,
    pub(crate) jwks: Jwks,
    pub(crate) ledger: Ledger,
    pub(crate) message_ids: MessageIds,
    pub(crate) people: People,
    pub(crate) sent_keys: SentKeys,
    pub(crate) tokens: Tokens,
    pub(crate) verifications: Verifications,
}

impl Sandbox {
    /// Opens the ledger and fills the registry with the built-in scenarios.
    pub(crate) fn open(options: &Options) -> io::Result<Shared> {
        Ok(Arc::new(Self {
            bulk: PatientGenerator::new(rand::random()),
            calls: Calls::default(),
            faults: Faults::default(),
            inbox: Inbox::new(options.keep),
            jwks: Jwks::default(),
            ledger: Ledger::open(options.ledger.as_deref())?,
            message_ids: MessageIds::new(rand::random()),
            people: People::built_in(),
            sent_keys: SentKeys::default(),
            tokens: Tokens::built_in(),
            verifications: Verifications::default(),
        }))
    }

    /// Takes a message: first into the ledger, then into the inbox. A message that the ledger refuses counts as not
    /// sent.
    pub(crate) fn take(&self, message: Message) -> Result<(), Refusal> {
        self.ledger
            .append(&message)
            .map_err(|error| Refusal::internal(format!("The ledger cannot be written: {error}")))?;
        self.inbox.push(Arc::new(message));
        Ok(())
    }
}
