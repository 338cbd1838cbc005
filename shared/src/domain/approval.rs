//! The approval as the registry gives it: what decides, and the members that may be shown to the client.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::domain::person::MethodKind;
use crate::domain::phone::PhoneNumber;

/// Members of the approval that go to the client unchanged, in this order. No other member leaves the service.
const PUBLIC_MEMBERS: [&str; 9] = [
    "id",
    "granted_resources",
    "granted_resource_types",
    "granted_to",
    "reason",
    "expires_at",
    "status",
    "is_verified",
    "access_level",
];

/// An approval of `GET /patients/{patient_id}/approvals/{id}`.
#[derive(Clone)]
pub struct Approval {
    facts: Facts,
    public: Map<String, Value>,
}

#[derive(Clone, Deserialize)]
struct Facts {
    id: Uuid,
    patient_id: Uuid,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    is_verified: Option<bool>,
    #[serde(default)]
    expires_at: Option<Instant>,
    #[serde(default)]
    authorize_with: Option<String>,
    #[serde(default)]
    urgent: Option<Urgent>,
}

/// The method and phone noted when the approval was created.
#[derive(Clone, Deserialize)]
struct Urgent {
    #[serde(rename = "type")]
    kind: MethodKind,
    /// Kept as text: a number that is none must not make the whole approval unreadable.
    #[serde(default)]
    phone_number: Option<String>,
}

/// `expires_at` is epoch seconds in the old model and ISO 8601 in the new one.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Instant {
    Epoch(i64),
    Iso(DateTime<Utc>),
}

impl Approval {
    /// Reads the registry's `data`. Errors name the member, never its value.
    pub fn from_registry(data: Value) -> Result<Self, serde_json::Error> {
        let facts = Facts::deserialize(&data)?;
        let Value::Object(mut members) = data else {
            return Err(serde::de::Error::custom("an approval is an object"));
        };
        let public = PUBLIC_MEMBERS
            .into_iter()
            .filter_map(|name| members.remove(name).map(|value| (name.to_owned(), value)))
            .collect();
        Ok(Self { facts, public })
    }

    /// Its id.
    pub fn id(&self) -> Uuid {
        self.facts.id
    }

    /// Whose it is.
    pub fn patient_id(&self) -> Uuid {
        self.facts.patient_id
    }

    /// The authentication method chosen on creation, where one was.
    pub fn authorize_with(&self) -> Option<&str> {
        self.facts.authorize_with.as_deref()
    }

    /// The method noted on creation (`urgent.type`).
    pub fn method(&self) -> MethodKind {
        self.facts.urgent.as_ref().map_or(MethodKind::None, |urgent| urgent.kind)
    }

    /// Where the code goes (`urgent.phone_number`); `None` where the registry has none or one that is not E.164.
    pub fn phone_number(&self) -> Option<PhoneNumber> {
        self.facts.urgent.as_ref()?.phone_number.as_ref()?.parse().ok()
    }

    /// `None` while a code may still be sent, else the status that closes it: `expired` past its end, the status of
    /// the old model where that is not `new`, `active` for a verified one of the new model.
    pub fn closed_as(&self, now: DateTime<Utc>) -> Option<&str> {
        match (self.facts.status.as_deref(), self.facts.is_verified) {
            (Some(status), _) if status != "new" => return Some(status),
            (_, Some(true)) => return Some("active"),
            // Neither model: nothing says that it is open.
            (None, None) => return Some("unknown"),
            _ => {}
        }
        self.is_expired(now).then_some("expired")
    }

    /// What the client may see, with the number masked.
    pub fn response_data(&self) -> Value {
        let mut data = self.public.clone();
        let number = self.phone_number().map(|phone| phone.masked());
        let method = json!({"type": self.method(), "number": number});
        data.insert("authentication_method_current".to_owned(), method);
        Value::Object(data)
    }

    fn is_expired(&self, now: DateTime<Utc>) -> bool {
        match self.facts.expires_at {
            Some(Instant::Epoch(seconds)) => seconds <= now.timestamp(),
            Some(Instant::Iso(end)) => end <= now,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "d5a5d991-0bf7-476f-b3cf-bec73f044b2e";

    fn approval(changes: &Value) -> Approval {
        let mut data = json!({
            "id": ID, "patient_id": "aff00bf6-68bf-4b49-b66d-f031d48922b3", "expires_at": 4_102_444_800_i64,
            "status": "new", "access_level": "read", "authorize_with": null, "internal_note": "not for clients",
            "urgent": {"type": "OTP", "phone_number": "+380931234585"},
        });
        for (name, value) in changes.as_object().unwrap() {
            data[name] = value.clone();
        }
        Approval::from_registry(data).unwrap()
    }

    #[test]
    fn a_new_approval_is_open_in_either_model() {
        assert_eq!(approval(&json!({})).closed_as(Utc::now()), None);
        let of_new_model =
            approval(&json!({"status": null, "is_verified": false, "expires_at": "2100-01-01T00:00:00Z"}));
        assert_eq!(of_new_model.closed_as(Utc::now()), None);
    }

    #[test]
    fn any_other_state_closes_it_and_is_named() {
        for (changes, status) in [
            (json!({"status": "active"}), "active"),
            (json!({"status": "terminated", "expires_at": 1}), "terminated"),
            (json!({"status": null, "is_verified": true}), "active"),
            (json!({"is_verified": true}), "active"),
            (json!({"expires_at": 1_498_749_591}), "expired"),
            (json!({"status": null, "is_verified": false, "expires_at": "2017-06-29T15:06:31Z"}), "expired"),
            (json!({"status": null}), "unknown"),
        ] {
            assert_eq!(approval(&changes).closed_as(Utc::now()), Some(status), "{changes}");
        }
    }

    #[test]
    fn the_client_sees_the_public_members_unchanged_and_the_number_masked() {
        assert_eq!(
            approval(&json!({})).response_data(),
            json!({
                "id": ID, "expires_at": 4_102_444_800_i64, "status": "new", "access_level": "read",
                "authentication_method_current": {"type": "OTP", "number": "+38093*****85"},
            })
        );
    }

    #[test]
    fn a_number_that_is_none_leaves_the_approval_readable() {
        for number in [json!(null), json!("0931234585")] {
            let approval = approval(&json!({"urgent": {"type": "OTP", "phone_number": number}}));
            assert_eq!((approval.method(), approval.phone_number()), (MethodKind::Otp, None));
        }
    }
}
