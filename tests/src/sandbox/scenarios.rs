//! Every case of person, approval and authentication method in the registry, and the required result of each. Tests run
//! over the table and the start page shows it. Ids are fixed; dates are relative to the call, so that they never become
//! outdated.

mod approvals;
mod authorized;
mod draft;
mod ids;
mod method;
mod persons;
mod phones;
mod refused_methods;
mod sendable;
mod shapes;
mod third_persons;

use serde_json::Value;
use uuid::Uuid;

/// One case.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Short, unique, for selecting and for messages of failed tests.
    pub name: &'static str,
    /// What is special about it.
    pub about: &'static str,
    /// The authentication method that decides, in words.
    pub method: &'static str,
    /// The patient of the request.
    pub patient_id: Uuid,
    /// The approval of the request.
    pub approval_id: Uuid,
    /// The required result.
    pub expected: Expected,
    /// `data` of the registry's answer on the person; `None` is a 404.
    pub person: Option<Value>,
    /// `data` of the registry's answer on this approval of this patient; `None` is a 404.
    pub approval: Option<Value>,
}

/// The required result of a scenario, as the finished job shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// The job is processed after one message to this phone.
    Sent {
        /// E.164.
        to: String,
    },
    /// The job fails and nothing is sent.
    Refused {
        /// `status_code` of the job.
        status_code: u16,
        /// `error.type` of the job.
        error_type: &'static str,
        /// `error.reason` of the job.
        reason: &'static str,
        /// `error.message` of the job.
        message: &'static str,
    },
}

/// `reason` and `message` of a refusal.
type Words = (&'static str, &'static str);

impl Expected {
    /// `status_code` of the finished job.
    pub fn status_code(&self) -> u16 {
        match self {
            Self::Sent { .. } => 200,
            Self::Refused { status_code, .. } => *status_code,
        }
    }

    /// Messages that may be sent for it.
    pub fn sms_count(&self) -> usize {
        usize::from(matches!(self, Self::Sent { .. }))
    }
}

/// The whole table. The first is the plain case: an OTP approval that can be resent.
pub fn scenarios() -> Vec<Scenario> {
    let groups = [
        sendable::all(),
        persons::all(),
        approvals::all(),
        refused_methods::all(),
        third_persons::all(),
        authorized::all(),
        phones::all(),
        shapes::all(),
    ];
    groups.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_patients_and_pairs_are_unique() {
        let all = scenarios();
        let unique = |count: usize, what: &str| assert_eq!(count, all.len(), "{what}");
        unique(all.iter().map(|one| one.name).collect::<HashSet<_>>().len(), "names");
        unique(all.iter().map(|one| one.patient_id).collect::<HashSet<_>>().len(), "patients");
        unique(
            all.iter().map(|one| (one.patient_id, one.approval_id)).collect::<HashSet<_>>().len(),
            "pairs",
        );
    }

    #[test]
    fn a_message_goes_to_the_approvals_own_phone_and_each_scenario_has_its_own() {
        let mut phones = HashSet::new();
        for scenario in scenarios() {
            if let Expected::Sent { to } = &scenario.expected {
                let masked = format!("{}*****{}", &to[..6], &to[to.len() - 2..]);
                let noted = &scenario.approval.unwrap()["urgent"]["phone_number"];
                assert!(noted == to.as_str() || noted == masked.as_str(), "{}: {noted}", scenario.name);
                assert!(phones.insert(to.clone()), "{}", scenario.name);
            }
        }
        assert!(phones.len() >= 6);
    }

    #[test]
    fn no_phone_can_belong_to_a_person() {
        for scenario in scenarios() {
            let given = format!("{:?} {:?}", scenario.person, scenario.approval);
            for (at, _) in given.match_indices("\"+") {
                let phone = &given[at + 1..];
                assert!(
                    phone.starts_with("+38020") || phone.starts_with("+4811"),
                    "{}: {phone}",
                    scenario.name
                );
            }
        }
    }

    #[test]
    fn ids_stay_the_same_from_call_to_call() {
        let ids = || scenarios().into_iter().map(|one| (one.patient_id, one.approval_id)).collect::<Vec<_>>();
        assert_eq!(ids(), ids());
        assert_eq!(ids()[0].0.to_string(), "10000000-0000-4000-8000-000000000001");
        assert_eq!(ids()[0].1.to_string(), "20000000-0000-4000-8000-000000000001");
    }

    #[test]
    fn an_expiry_lies_where_the_scenario_puts_it() {
        let now = chrono::Utc::now();
        for scenario in scenarios().into_iter().filter(|one| one.expected.sms_count() == 1) {
            let expires_at = &scenario.approval.unwrap()["expires_at"];
            #[allow(clippy::cast_precision_loss, reason = "seconds")]
            let open = match expires_at {
                Value::Number(epoch) => epoch.as_f64().unwrap() > now.timestamp() as f64,
                Value::String(iso) => {
                    let zoned = format!("{}Z", iso.trim_end_matches('Z'));
                    zoned.parse::<chrono::DateTime<chrono::Utc>>().unwrap() > now
                }
                _ => false,
            };
            assert!(open, "{}: {expires_at}", scenario.name);
        }
    }
}
