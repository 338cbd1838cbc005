//! One fault: its requests, its number of times, and its action.

use serde::{Deserialize, Serialize};

use super::{Action, Kind};
use crate::sandbox::target::Target;

/// One entry of `/sandbox/faults`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    pub(crate) target: Target,
    pub(crate) action: Action,
    /// Requests it is still to strike; absent: until removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<u64>,
    /// Share of the matching requests it strikes, 0 to 1; absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) probability: Option<f64>,
    #[serde(default, rename = "match", skip_serializing_if = "Match::is_empty")]
    only: Match,
}

/// Narrows a fault to some requests; both must hold if both are given.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Match {
    #[serde(skip_serializing_if = "Option::is_none")]
    path_contains: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
}

/// The properties of a request that a fault is chosen by.
pub(crate) struct RequestFacts<'a> {
    pub(crate) target: Target,
    pub(crate) path: &'a str,
    pub(crate) reference: Option<&'a str>,
}

impl Match {
    fn is_empty(&self) -> bool {
        self.path_contains.is_none() && self.reference.is_none()
    }
}

impl Fault {
    pub(crate) fn applies_to(&self, seen: &RequestFacts<'_>) -> bool {
        self.target == seen.target
            && self.only.path_contains.as_ref().is_none_or(|part| seen.path.contains(part))
            && self.only.reference.as_deref().is_none_or(|reference| Some(reference) == seen.reference)
    }

    pub(crate) fn asks_for_reference(&self) -> bool {
        self.only.reference.is_some()
    }

    pub(crate) fn use_up_one(&mut self) {
        self.times = self.times.map(|times| times.saturating_sub(1));
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.times == Some(0)
    }

    /// Refuses faults that could never apply, so that no test waits for one.
    pub(crate) fn check(&self) -> Result<(), String> {
        let reads = matches!(self.target, Target::Persons | Target::Approvals);
        match self.action.kind {
            Kind::OtherPatient if !reads => {
                Err("`other_patient` is for the targets `persons` and `approvals`")
            }
            Kind::NullPhone if self.target != Target::Approvals => {
                Err("`null_phone` is for the target `approvals`")
            }
            Kind::Deduplicate if self.target != Target::Sms => Err("`deduplicate` is for the target `sms`"),
            Kind::LimitSeconds(_) | Kind::GatewayRefuses if self.target != Target::Otp => {
                Err("`limit_seconds` and `gateway_refuses` are for the target `otp`")
            }
            _ if self.asks_for_reference() && self.target != Target::Sms => {
                Err("match by `reference` is for the target `sms`; others have `path_contains`")
            }
            _ if self.is_used_up() => Err("`times` is at least 1; leave it out for no end"),
            _ if self.probability.is_some_and(|share| !(0.0..=1.0).contains(&share)) => {
                Err("`probability` is from 0 to 1")
            }
            _ => Ok(()),
        }
        .map_err(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refused(written: Value) -> String {
        match serde_json::from_value::<Fault>(written) {
            Ok(fault) => fault.check().unwrap_err(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_fault_is_shown_as_it_was_written() {
        let written = json!({
            "target": "sms", "action": {"hang": true, "accept": true},
            "times": 3, "probability": 0.5, "match": {"reference": "job-1"},
        });
        let fault: Fault = serde_json::from_value(written.clone()).unwrap();
        assert!(fault.check().is_ok());
        assert_eq!(serde_json::to_value(fault).unwrap(), written);
    }

    #[test]
    fn unknown_members_are_refused_with_the_right_ones() {
        assert!(refused(json!({"target": "sms", "action": {"cut": true}, "time": 1})).contains("`times`"));
        assert!(refused(json!({"target": "mail", "action": {"cut": true}})).contains("`approvals`"));
        assert!(
            refused(json!({"target": "sms", "action": {"cut": true}, "match": {"path": ""}}))
                .contains("`path_contains`")
        );
    }

    #[test]
    fn faults_that_could_never_strike_are_refused() {
        for written in [
            json!({"target": "sms", "action": {"other_patient": true}}),
            json!({"target": "persons", "action": {"null_phone": true}}),
            json!({"target": "otp", "action": {"deduplicate": true}}),
            json!({"target": "sms", "action": {"limit_seconds": 60}}),
            json!({"target": "persons", "action": {"cut": true}, "match": {"reference": "x"}}),
            json!({"target": "sms", "action": {"cut": true}, "times": 0}),
            json!({"target": "sms", "action": {"cut": true}, "probability": 1.5}),
        ] {
            assert!(!refused(written).is_empty());
        }
    }
}
