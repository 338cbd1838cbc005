//! What a request says about itself, read from its head: who asks, what it would rather have, how it may be repeated.

pub(crate) mod context;
pub(crate) mod idempotency_key;
pub(crate) mod preferences;
