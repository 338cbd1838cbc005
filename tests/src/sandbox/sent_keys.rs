//! Idempotency keys of the generic gateway, while deduplication is on.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, PoisonError},
};

/// Keys remembered while deduplication is on; beyond it all are forgotten, so that memory stays bounded.
const REMEMBERED_KEYS: usize = 1_000_000;

/// The idempotency keys of messages taken while deduplication was on, with the id answered.
#[derive(Default)]
pub(crate) struct SentKeys(Mutex<HashMap<String, String>>);

impl SentKeys {
    /// The message id an earlier message with this key got; without one, the key now stands for `message_id`.
    pub(crate) fn claim(&self, key: &str, message_id: &str) -> Option<String> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= REMEMBERED_KEYS {
            keys.clear();
        }
        match keys.entry(key.to_owned()) {
            Entry::Occupied(entry) => Some(entry.get().clone()),
            Entry::Vacant(entry) => {
                entry.insert(message_id.to_owned());
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_for_its_first_message() {
        let keys = SentKeys::default();
        assert_eq!(keys.claim("job-1", "msg-1"), None);
        assert_eq!(keys.claim("job-1", "msg-2").as_deref(), Some("msg-1"));
        assert_eq!(keys.claim("job-2", "msg-3"), None);
    }
}
