//! What the registry holds: answers kept ready to send, by id. Patients made in bulk are not in here.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use super::scenarios::scenarios;

/// Patient and approval: an approval is only found through the patient it is asked for.
type Pair = (Uuid, Uuid);

/// Persons and approvals, each as the whole JSON answer.
#[derive(Default)]
pub(crate) struct People {
    persons: RwLock<HashMap<Uuid, Bytes>>,
    approvals: RwLock<HashMap<Pair, Bytes>>,
}

impl People {
    /// The registry with every scenario's person and approval in it.
    pub(crate) fn built_in() -> Self {
        let people = Self::default();
        for scenario in scenarios() {
            if let Some(person) = &scenario.person {
                people.put_person(scenario.patient_id, person);
            }
            if let Some(approval) = &scenario.approval {
                people.put_approval((scenario.patient_id, scenario.approval_id), approval);
            }
        }
        people
    }

    pub(crate) fn person(&self, id: Uuid) -> Option<Bytes> {
        self.persons.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    pub(crate) fn approval(&self, pair: Pair) -> Option<Bytes> {
        self.approvals.read().unwrap_or_else(PoisonError::into_inner).get(&pair).cloned()
    }

    /// Adds or replaces; `data` is stored as it is, also where it contradicts the id.
    pub(crate) fn put_person(&self, id: Uuid, data: &Value) {
        self.persons.write().unwrap_or_else(PoisonError::into_inner).insert(id, answer(data));
    }

    /// Adds or replaces; `data` is stored as it is, also where it contradicts the ids.
    pub(crate) fn put_approval(&self, pair: Pair, data: &Value) {
        self.approvals.write().unwrap_or_else(PoisonError::into_inner).insert(pair, answer(data));
    }

    pub(crate) fn remove_person(&self, id: Uuid) {
        self.persons.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    pub(crate) fn remove_approval(&self, pair: Pair) {
        self.approvals.write().unwrap_or_else(PoisonError::into_inner).remove(&pair);
    }
}

fn answer(data: &Value) -> Bytes {
    json!({ "data": data }).to_string().into()
}
