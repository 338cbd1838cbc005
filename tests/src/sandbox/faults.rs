//! The faults, and the requests they apply to. The list is usually empty, which costs one atomic load.

mod action;
mod fault;

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU16, Ordering::Relaxed},
};

pub(crate) use action::{Action, Kind};
pub(crate) use fault::{Fault, RequestFacts};

use super::target::Target;

/// The faults in force, first match wins.
#[derive(Default)]
pub(crate) struct Faults {
    /// A bit for each target that has a fault.
    armed: AtomicU16,
    list: Mutex<Vec<Fault>>,
}

/// The treatment of one request.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct SelectedFault {
    /// Rules of the service that apply together with the action.
    pub(crate) switches: Vec<Kind>,
    pub(crate) action: Option<Action>,
}

impl Faults {
    pub(crate) fn armed(&self, target: Target) -> bool {
        self.armed.load(Relaxed) & bit(target) != 0
    }

    /// Whether the choice depends on the reference in the body.
    pub(crate) fn ask_for_reference(&self) -> bool {
        self.lock().iter().any(Fault::asks_for_reference)
    }

    /// Chooses the fault for a request and uses up one of its times. `roll` gives numbers from 0 to 1.
    pub(crate) fn pick(&self, seen: &RequestFacts<'_>, mut roll: impl FnMut() -> f64) -> SelectedFault {
        let mut list = self.lock();
        let mut picked = SelectedFault::default();
        for fault in list.iter_mut().filter(|fault| fault.applies_to(seen)) {
            if fault.probability.is_some_and(|probability| roll() >= probability) {
                continue;
            }
            fault.use_up_one();
            if fault.action.kind.is_switch() {
                picked.switches.push(fault.action.kind.clone());
                continue;
            }
            picked.action = Some(fault.action.clone());
            break;
        }
        list.retain(|fault| !fault.is_used_up());
        self.arm(&list);
        picked
    }

    /// The faults still in force.
    pub(crate) fn all(&self) -> Vec<Fault> {
        self.lock().clone()
    }

    /// Lets `change` edit the list.
    pub(crate) fn edit(&self, change: impl FnOnce(&mut Vec<Fault>)) {
        let mut list = self.lock();
        change(&mut list);
        self.arm(&list);
    }

    fn arm(&self, list: &[Fault]) {
        self.armed.store(list.iter().fold(0, |bits, fault| bits | bit(fault.target)), Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bit(target: Target) -> u16 {
    1 << target.index()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn faults(list: Value) -> Faults {
        let faults = Faults::default();
        faults.edit(|all| *all = serde_json::from_value(list).unwrap());
        faults
    }

    fn kind(faults: &Faults, target: Target, path: &str, reference: Option<&str>) -> Option<Kind> {
        faults.pick(&RequestFacts { target, path, reference }, || 0.5).action.map(|action| action.kind)
    }

    #[test]
    fn only_targets_with_a_fault_are_armed() {
        let faults = faults(json!([{"target": "sms", "action": {"cut": true}}]));
        assert!(faults.armed(Target::Sms) && !faults.armed(Target::Otp));
        faults.edit(Vec::clear);
        assert!(!faults.armed(Target::Sms));
    }

    #[test]
    fn a_fault_lasts_for_its_times_and_is_then_gone() {
        let faults = faults(json!([{"target": "sms", "action": {"hang": true}, "times": 2}]));
        let picks: Vec<_> = (0..3).map(|_| kind(&faults, Target::Sms, "/", None)).collect();
        assert_eq!(picks, [Some(Kind::Hang), Some(Kind::Hang), None]);
        assert!(!faults.armed(Target::Sms) && faults.all().is_empty());
    }

    #[test]
    fn the_first_match_wins_and_others_keep_their_times() {
        let faults = faults(json!([
            {"target": "persons", "action": {"cut": true}, "times": 1},
            {"target": "persons", "action": {"hang": true}, "times": 1},
        ]));
        assert_eq!(kind(&faults, Target::Persons, "/", None), Some(Kind::Cut));
        assert_eq!(kind(&faults, Target::Persons, "/", None), Some(Kind::Hang));
    }

    #[test]
    fn path_and_reference_narrow_a_fault() {
        let faults = faults(json!([
            {"target": "approvals", "action": {"cut": true}, "match": {"path_contains": "abc"}},
            {"target": "sms", "action": {"hang": true}, "match": {"reference": "job-1"}},
        ]));
        assert_eq!(kind(&faults, Target::Approvals, "/x/abc/y", None), Some(Kind::Cut));
        assert_eq!(kind(&faults, Target::Approvals, "/x/y", None), None);
        assert_eq!(kind(&faults, Target::Sms, "/sms/messages", Some("job-1")), Some(Kind::Hang));
        assert_eq!(kind(&faults, Target::Sms, "/sms/messages", Some("job-2")), None);
        assert_eq!(kind(&faults, Target::Sms, "/sms/messages", None), None);
    }

    #[test]
    fn probability_decides_by_the_roll() {
        let faults = faults(json!([{"target": "sms", "action": {"cut": true}, "probability": 0.3}]));
        let seen = RequestFacts { target: Target::Sms, path: "/", reference: None };
        assert!(faults.pick(&seen, || 0.29).action.is_some());
        assert!(faults.pick(&seen, || 0.3).action.is_none());
    }

    #[test]
    fn deduplication_goes_together_with_a_fault() {
        let faults = faults(json!([
            {"target": "sms", "action": {"deduplicate": true}},
            {"target": "sms", "action": {"cut": true, "accept": true}, "times": 1},
        ]));
        let seen = RequestFacts { target: Target::Sms, path: "/", reference: None };
        let picked = faults.pick(&seen, || 0.5);
        assert!(picked.switches == [Kind::Deduplicate] && picked.action.unwrap().accept);
        assert_eq!(
            faults.pick(&seen, || 0.5),
            SelectedFault { switches: vec![Kind::Deduplicate], action: None }
        );
    }
}
