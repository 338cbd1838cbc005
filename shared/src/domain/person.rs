//! The registry's person, reduced to what the decision needs. Names are never read.

mod method;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

pub use method::{AuthenticationMethod, MethodKind};

use crate::domain::members::{Members, UnreadableMember};

/// A person of `GET /persons/{patient_id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The person this is.
    pub id: Uuid,
    /// Whether `status` and `is_active` both say active.
    pub is_active: bool,
    /// The authentication methods that could be read.
    pub methods: Vec<AuthenticationMethod>,
    /// Why the other methods cannot be read.
    pub unreadable_methods: Vec<UnreadableMember>,
}

impl Person {
    /// Reads the registry's `data`. An unreadable method affects only that method.
    pub fn from_registry(data: &Value) -> Result<Self, UnreadableMember> {
        let members = Members::of(data)?;
        let status = members.text("status")?.ok_or_else(|| members.unreadable("status"))?;
        let is_active = members.flag("is_active")?.unwrap_or(true) && status == "active";
        let mut person =
            Self { id: members.id("id")?, is_active, methods: Vec::new(), unreadable_methods: Vec::new() };
        let name = "authentication_methods";
        for (index, element) in members.list(name)?.iter().enumerate().filter(|(_, it)| !it.is_null()) {
            match Members::of_element(element, name, index).and_then(|it| AuthenticationMethod::read(&it)) {
                Ok(method) => person.methods.push(method),
                Err(unreadable) => person.unreadable_methods.push(unreadable),
            }
        }
        Ok(person)
    }

    /// The method with this id. Ids are UUIDs, so case does not matter.
    pub fn method(&self, id: &str) -> Option<&AuthenticationMethod> {
        let is_it = |its: &String| its.eq_ignore_ascii_case(id);
        self.methods.iter().find(|method| method.id.as_ref().is_some_and(is_it))
    }

    /// The methods of this kind that are in force at `now` and whose codes are sent by SMS.
    pub fn otp_methods(&self, kind: MethodKind, now: DateTime<Utc>) -> Vec<&AuthenticationMethod> {
        let fits = |method: &&AuthenticationMethod| {
            method.kind == kind && method.is_otp() && method.is_in_force(now)
        };
        self.methods.iter().filter(fits).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "aff00bf6-68bf-4b49-b66d-f031d48922b3";

    fn person(changes: &Value) -> Result<Person, UnreadableMember> {
        let mut data = json!({"id": ID, "status": "active", "is_active": true, "authentication_methods": []});
        for (name, value) in changes.as_object().unwrap() {
            data[name] = value.clone();
        }
        Person::from_registry(&data)
    }

    #[test]
    fn both_switches_of_the_registry_must_say_active() {
        for (changes, expected) in [
            (json!({}), true),
            (json!({"is_active": null}), true),
            (json!({"status": "inactive"}), false),
            (json!({"is_active": false}), false),
        ] {
            assert_eq!(person(&changes).unwrap().is_active, expected, "{changes}");
        }
    }

    #[test]
    fn one_unreadable_method_spoils_that_method_only() {
        let methods = json!([
            {"id": "a", "type": "OTP"}, null, 5, {"id": "b", "type": "OTP", "ended_at": "tomorrow"},
            {"id": "c", "type": "THIRD_PERSON", "third_person": "d"}, {"id": "e"},
        ]);
        let person = person(&json!({"authentication_methods": methods})).unwrap();
        let ids: Vec<_> = person.methods.iter().filter_map(|method| method.id.as_deref()).collect();
        assert_eq!(ids, ["a", "e"]);
        let named: Vec<_> = person.unreadable_methods.iter().map(|member| member.0.as_str()).collect();
        let at = |rest: &str| format!("authentication_methods[{rest}");
        assert_eq!(named, [at("2]"), at("3].ended_at"), at("4].third_person")]);
    }

    #[test]
    fn what_decides_about_the_whole_person_must_be_readable() {
        for (changes, member) in [
            (json!({"id": null}), "id"),
            (json!({"id": "x"}), "id"),
            (json!({"status": null}), "status"),
            (json!({"status": 1}), "status"),
            (json!({"is_active": "yes"}), "is_active"),
            (json!({"authentication_methods": {}}), "authentication_methods"),
        ] {
            assert_eq!(person(&changes), Err(UnreadableMember(member.into())), "{changes}");
        }
        assert!(person(&json!({"authentication_methods": null, "birth_date": 5})).is_ok());
    }

    #[test]
    fn a_method_is_found_by_its_id_in_any_case() {
        let person =
            person(&json!({"authentication_methods": [{"type": "OTP"}, {"id": "Ab", "type": "OTP"}]}));
        let person = person.unwrap();
        assert!(person.method("aB").is_some() && person.method("b").is_none());
    }

    #[test]
    fn otp_methods_are_of_the_kind_and_in_force() {
        let third = |own: &str| json!({"type": "THIRD_PERSON", "third_person": {"type": own}});
        let ended = json!({"type": "OTP", "ended_at": "2017-01-01T00:00:00"});
        let methods = json!([{"type": "OTP"}, ended, third("OTP"), third("OFFLINE"), {"type": "OFFLINE"}]);
        let person = person(&json!({"authentication_methods": methods})).unwrap();
        for (kind, count) in [
            (MethodKind::Otp, 1),
            (MethodKind::ThirdPerson, 1),
            (MethodKind::Offline, 0),
            (MethodKind::Other, 0),
        ] {
            assert_eq!(person.otp_methods(kind, Utc::now()).len(), count, "{kind:?}");
        }
    }
}
