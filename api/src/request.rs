//! A request's own data and resources: its identity, preferences, idempotency key, address, permit and deadline.

pub(crate) mod client_address;
pub(crate) mod concurrency;
pub(crate) mod context;
pub(crate) mod deadline;
pub(crate) mod idempotency_key;
pub(crate) mod preferences;
pub(crate) mod url;
pub(crate) mod violation;
