//! The person as the registry gives it, as much of it as the decision needs. Names are never read.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A person of `GET /persons/{patient_id}`.
#[derive(Debug, Clone, Deserialize)]
pub struct Person {
    /// `active` or `inactive`.
    pub status: String,
    /// The registry's second switch; absent means active.
    #[serde(default = "yes")]
    pub is_active: bool,
    /// The ways this person may confirm an action.
    #[serde(default)]
    pub authentication_methods: Vec<AuthenticationMethod>,
}

/// One authentication method of a person.
#[derive(Debug, Clone, Deserialize)]
pub struct AuthenticationMethod {
    /// What an approval's `authorize_with` refers to.
    #[serde(default)]
    pub id: Option<String>,
    /// What kind it is.
    #[serde(rename = "type")]
    pub kind: MethodKind,
    /// The registry's switch; absent means active.
    #[serde(default = "yes")]
    pub is_active: bool,
    /// When it ended or will end.
    #[serde(default)]
    pub ended_at: Option<DateTime<Utc>>,
    /// For `THIRD_PERSON`: how that person confirms.
    #[serde(default)]
    pub third_person: Option<ThirdPerson>,
}

/// The third person's own method.
#[derive(Debug, Clone, Deserialize)]
pub struct ThirdPerson {
    /// What kind it is.
    #[serde(rename = "type")]
    pub kind: MethodKind,
}

/// Kinds of authentication method of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MethodKind {
    /// A one-time code by SMS.
    #[serde(rename = "OTP")]
    Otp,
    /// Paper documents.
    #[serde(rename = "OFFLINE")]
    Offline,
    /// Somebody else confirms for this person.
    #[serde(rename = "THIRD_PERSON")]
    ThirdPerson,
    /// `NA` after a reset, and whatever the registry invents next: nothing an SMS can be sent for.
    #[serde(rename = "NA", other)]
    None,
}

impl Person {
    /// Both switches of the registry say active.
    pub fn is_active(&self) -> bool {
        self.is_active && self.status == "active"
    }
}

impl AuthenticationMethod {
    /// Active and not ended at `now`; an end in the future is no end yet.
    pub fn is_in_force(&self, now: DateTime<Utc>) -> bool {
        self.is_active && self.ended_at.is_none_or(|end| end > now)
    }

    /// Whether a code by SMS is how this method works: `OTP`, or `THIRD_PERSON` whose own method is `OTP`.
    pub fn is_otp(&self) -> bool {
        match self.kind {
            MethodKind::Otp => true,
            MethodKind::ThirdPerson => {
                self.third_person.as_ref().is_some_and(|third| third.kind == MethodKind::Otp)
            }
            MethodKind::Offline | MethodKind::None => false,
        }
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn method(changes: &serde_json::Value) -> AuthenticationMethod {
        let mut data = json!({"id": "m", "type": "OTP", "phone_number": "+380931234585"});
        for (name, value) in changes.as_object().unwrap() {
            data[name] = value.clone();
        }
        serde_json::from_value(data).unwrap()
    }

    #[test]
    fn a_code_by_sms_is_for_otp_and_for_third_persons_with_otp() {
        for (changes, expected) in [
            (json!({}), true),
            (json!({"type": "OFFLINE"}), false),
            (json!({"type": "NA"}), false),
            (json!({"type": "INVENTED_LATER"}), false),
            (json!({"type": "THIRD_PERSON", "third_person": {"type": "OTP"}}), true),
            (json!({"type": "THIRD_PERSON", "third_person": {"type": "OFFLINE"}}), false),
            (json!({"type": "THIRD_PERSON"}), false),
        ] {
            assert_eq!(method(&changes).is_otp(), expected, "{changes}");
        }
    }

    #[test]
    fn an_end_in_the_future_is_no_end_yet() {
        let now = Utc::now();
        for (changes, expected) in [
            (json!({}), true),
            (json!({"ended_at": null}), true),
            (json!({"ended_at": "2100-01-01T00:00:00Z"}), true),
            (json!({"ended_at": "2017-01-01T00:00:00Z"}), false),
            (json!({"is_active": false}), false),
        ] {
            assert_eq!(method(&changes).is_in_force(now), expected, "{changes}");
        }
    }

    #[test]
    fn both_switches_of_the_registry_must_say_active() {
        for (status, is_active, expected) in
            [("active", true, true), ("inactive", true, false), ("active", false, false)]
        {
            let person = Person { status: status.into(), is_active, authentication_methods: Vec::new() };
            assert_eq!(person.is_active(), expected, "{status} {is_active}");
        }
    }
}
