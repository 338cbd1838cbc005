//! The contract's requirements for each answer of the walk, as whole shapes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::LocalError;

/// Collects what differs in one step.
pub(super) struct Step(pub(super) &'static str);

impl Step {
    /// Requires equality.
    pub(super) fn equal(&self, what: &str, found: &Value, expected: &Value) -> Result<(), LocalError> {
        if found == expected {
            return Ok(());
        }
        Err(self.differs(format!("{what} is {found}, the contract says {expected}")))
    }

    /// Requires exactly these members.
    pub(super) fn members(&self, what: &str, object: &Value, expected: &[&str]) -> Result<(), LocalError> {
        let found: BTreeSet<_> =
            object.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        let expected: BTreeSet<_> = expected.iter().copied().collect();
        if found == expected {
            return Ok(());
        }
        Err(self.differs(format!("{what} has the members {found:?}, the contract says {expected:?}")))
    }

    /// Requires a condition.
    pub(super) fn holds(&self, holds: bool, what: impl Into<String>) -> Result<(), LocalError> {
        if holds { Ok(()) } else { Err(self.differs(what.into())) }
    }

    fn differs(&self, what: String) -> LocalError {
        LocalError::Differs { step: self.0, what }
    }
}
