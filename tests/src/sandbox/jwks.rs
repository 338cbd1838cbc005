//! The keys an issuer of signed tokens publishes.

use std::sync::{PoisonError, RwLock};

use bytes::Bytes;

/// The published set.
pub(crate) struct Jwks(RwLock<Bytes>);

impl Default for Jwks {
    fn default() -> Self {
        Self(RwLock::new(Bytes::from_static(br#"{"keys":[]}"#)))
    }
}

impl Jwks {
    /// The set as it is now.
    pub(crate) fn published(&self) -> Bytes {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// These bytes are the set from now on.
    pub(crate) fn publish(&self, set: Bytes) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = set;
    }
}
