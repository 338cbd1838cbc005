//! Builds a scenario from the plain one: an active person with OTP and a new approval, changed where it differs.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Expected, Scenario, Words,
    ids::{approval_id, id, patient_id, phone},
    method::otp,
};

/// Common names; the service needs none of them, so tests can look for them where they must not be.
const NAMES: [(&str, &str, &str); 6] = [
    ("Оксана", "Іваненко", "Петрівна"),
    ("Тарас", "Гнатюк", "Богданович"),
    ("Соломія", "Кравчук", "Андріївна"),
    ("Микита", "Їжакевич", "Олегович"),
    ("Ґражина", "Левченко", "Юріївна"),
    ("Дем'ян", "Щербак", "Ілліч"),
];

pub(super) struct Draft {
    number: u8,
    name: &'static str,
    about: &'static str,
    method: &'static str,
    person: Option<Value>,
    approval: Option<Value>,
    approval_id: Uuid,
}

impl Draft {
    /// The plain case under this number, which makes its ids and its phone.
    pub(super) fn new(number: u8, name: &'static str, about: &'static str) -> Self {
        Self {
            number,
            name,
            about,
            method: "OTP",
            person: Some(person(number)),
            approval: Some(approval(number)),
            approval_id: approval_id(number),
        }
    }

    /// The deciding method in words.
    pub(super) fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    /// Sets a member of the person.
    pub(super) fn person(mut self, member: &str, value: impl Into<Value>) -> Self {
        set(&mut self.person, member, value);
        self
    }

    /// Sets a member of the approval.
    pub(super) fn approval(mut self, member: &str, value: impl Into<Value>) -> Self {
        set(&mut self.approval, member, value);
        self
    }

    /// Takes a member off the approval.
    pub(super) fn approval_lacks(mut self, member: &str) -> Self {
        if let Some(Value::Object(approval)) = &mut self.approval {
            approval.remove(member);
        }
        self
    }

    /// Makes it an approval of the new model: no status, verified or not.
    pub(super) fn new_model(self, is_verified: bool) -> Self {
        self.approval_lacks("status").approval("is_verified", is_verified)
    }

    /// Sets what the approval says of where its message goes.
    pub(super) fn urgent(self, kind: &str, phone_number: Option<&str>) -> Self {
        self.approval("urgent", json!({"type": kind, "phone_number": phone_number}))
    }

    /// Gives the person these methods only.
    pub(super) fn methods<const N: usize>(self, methods: [Value; N]) -> Self {
        self.person("authentication_methods", Vec::from(methods))
    }

    /// Gives the person this method only, and makes the approval authorized with it.
    pub(super) fn authorized_with(self, method: Value) -> Self {
        let id = method["id"].clone();
        self.methods([method]).approval("authorize_with", id)
    }

    pub(super) fn without_person(mut self) -> Self {
        self.person = None;
        self
    }

    pub(super) fn without_approval(mut self) -> Self {
        self.approval = None;
        self
    }

    /// Asks for another scenario's approval.
    pub(super) fn with_approval_of(mut self, number: u8) -> Self {
        self.approval_id = approval_id(number);
        self.without_approval()
    }

    pub(super) fn sent(self) -> Scenario {
        let to = phone(self.number);
        self.expect(Expected::Sent { to })
    }

    pub(super) fn refused(
        self,
        status_code: u16,
        error_type: &'static str,
        (reason, message): Words,
    ) -> Scenario {
        self.expect(Expected::Refused { status_code, error_type, reason, message })
    }

    pub(super) fn not_found(self, words: Words) -> Scenario {
        self.refused(404, "not_found", words)
    }

    pub(super) fn conflict(self, words: Words) -> Scenario {
        self.refused(409, "request_conflict", words)
    }

    /// Refused with 502: the registry's data can not be used.
    pub(super) fn failed(self, words: Words) -> Scenario {
        self.refused(502, "internal_error", words)
    }

    fn expect(self, expected: Expected) -> Scenario {
        let Self { number, name, about, method, person, approval, approval_id } = self;
        Scenario {
            name,
            about,
            method,
            patient_id: patient_id(number),
            approval_id,
            expected,
            person,
            approval,
        }
    }
}

fn set(object: &mut Option<Value>, member: &str, value: impl Into<Value>) {
    if let Some(Value::Object(object)) = object {
        object.insert(member.to_owned(), value.into());
    }
}

fn person(number: u8) -> Value {
    let (first_name, last_name, second_name) = NAMES[usize::from(number) % NAMES.len()];
    json!({
        "id": patient_id(number), "status": "active", "is_active": true,
        "first_name": first_name, "last_name": last_name, "second_name": second_name,
        "birth_date": format!("19{:02}-02-{:02}", 40 + number % 60, 1 + number % 28),
        "authentication_methods": [otp(number)],
    })
}

/// A reference to something of a patient, as the platform writes it.
pub(super) fn resource(number: u8, code: &str) -> Value {
    json!({
        "identifier": {
            "type": {"coding": [{"system": "eHealth/resources", "code": code}], "text": ""},
            "value": id(4, number),
        },
        "display_value": null,
    })
}

fn approval(number: u8) -> Value {
    let resource = |code: &str| resource(number, code);
    json!({
        "id": approval_id(number), "patient_id": patient_id(number),
        "granted_resources": [resource("episode_of_care")],
        "granted_to": resource("employee"), "reason": resource("service_request"),
        "expires_at": in_days(30).timestamp(), "status": "new", "access_level": "read", "authorize_with": null,
        "urgent": {"type": "OTP", "phone_number": phone(number)},
    })
}

pub(super) fn in_days(days: i64) -> DateTime<Utc> {
    Utc::now() + Duration::days(days)
}

pub(super) fn iso_in_days(days: i64) -> String {
    in_days(days).to_rfc3339_opts(SecondsFormat::Millis, true)
}
