//! The registry's approval: the members that the decision needs, and those that may be shown to the client.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::domain::members::{Members, UnreadableMember};
use crate::domain::person::MethodKind;
use crate::domain::phone::PhoneNumber;

/// Members of the approval that go to the client unchanged. No other member leaves the service.
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
    id: Uuid,
    patient_id: Uuid,
    status: Option<String>,
    is_verified: Option<bool>,
    expires_at: Option<DateTime<Utc>>,
    authorize_with: Option<String>,
    method: MethodKind,
    phone_number: Option<String>,
    public: Map<String, Value>,
}

impl Approval {
    /// Reads the registry's `data`.
    pub fn from_registry(data: Value) -> Result<Self, UnreadableMember> {
        let members = Members::of(&data)?;
        let urgent = members.object("urgent")?;
        let mut approval = Self {
            id: members.id("id")?,
            patient_id: members.id("patient_id")?,
            status: members.text("status")?.map(str::to_owned),
            is_verified: members.flag("is_verified")?,
            expires_at: members.time("expires_at")?,
            authorize_with: members.text("authorize_with")?.map(str::to_owned),
            method: urgent.as_ref().map_or(Ok(MethodKind::Other), MethodKind::read)?,
            phone_number: urgent.and_then(|urgent| urgent.get("phone_number").map(as_text)),
            public: Map::new(),
        };
        if let Value::Object(members) = data {
            approval.public = members;
            approval.public.retain(|name, _| PUBLIC_MEMBERS.contains(&name.as_str()));
        }
        Ok(approval)
    }

    /// Its id.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The patient it belongs to.
    pub fn patient_id(&self) -> Uuid {
        self.patient_id
    }

    /// The authentication method chosen on creation, if any.
    pub fn authorize_with(&self) -> Option<&str> {
        self.authorize_with.as_deref()
    }

    /// The kind of method recorded on creation (`urgent.type`).
    pub fn method(&self) -> MethodKind {
        self.method
    }

    /// Where the code goes (`urgent.phone_number`), as the registry has it: whole, masked, or no number at all.
    pub fn phone_number(&self) -> Option<&str> {
        self.phone_number.as_deref()
    }

    /// `None` while a code may still be sent, else the status that closes it: `expired` if its end has passed, the old
    /// model's status if that is not `new`, `active` for a verified approval of the new model.
    pub fn closed_as(&self, now: DateTime<Utc>) -> Option<&str> {
        match (self.status.as_deref(), self.is_verified) {
            (Some(status), _) if status != "new" => return Some(status),
            (_, Some(true)) => return Some("active"),
            // It has the members of neither model, so nothing says that it is open.
            (None, None) => return Some("unknown"),
            _ => {}
        }
        self.expires_at.is_some_and(|end| end <= now).then_some("expired")
    }

    /// What the client may see of an approval whose code went to `phone`, with the number masked. Members are as the
    /// registry gave them, `null` included.
    pub fn response_data(self, method: MethodKind, phone: &PhoneNumber) -> Value {
        let mut data = self.public;
        let method = json!({"type": method, "number": phone.masked()});
        data.insert("authentication_method_current".to_owned(), method);
        Value::Object(data)
    }
}

/// Kept as text, so that a malformed phone number makes only the number unusable, not the whole approval unreadable.
fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "d5a5d991-0bf7-476f-b3cf-bec73f044b2e";
    const PATIENT_ID: &str = "aff00bf6-68bf-4b49-b66d-f031d48922b3";

    fn approval(changes: &Value) -> Approval {
        Approval::from_registry(data(changes)).unwrap()
    }

    fn data(changes: &Value) -> Value {
        let mut data = json!({
            "id": ID, "patient_id": PATIENT_ID, "expires_at": 4_102_444_800_i64,
            "status": "new", "access_level": "read", "authorize_with": null, "internal_note": "not for clients",
            "urgent": {"type": "OTP", "phone_number": "+380931234585"},
        });
        for (name, value) in changes.as_object().unwrap() {
            data[name] = value.clone();
        }
        data
    }

    #[test]
    fn it_says_which_and_whose_it_is_and_the_method_chosen() {
        let chosen = approval(&json!({"authorize_with": "m"}));
        assert_eq!(
            (chosen.id().to_string(), chosen.patient_id().to_string()),
            (ID.into(), PATIENT_ID.into())
        );
        assert_eq!(chosen.authorize_with(), Some("m"));
        assert_eq!(approval(&json!({"authorize_with": null})).authorize_with(), None);
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
            (json!({"expires_at": "2017-06-29T15:06:31"}), "expired"),
            (json!({"status": null, "is_verified": false, "expires_at": "2017-06-29T15:06:31Z"}), "expired"),
            (json!({"status": null}), "unknown"),
        ] {
            assert_eq!(approval(&changes).closed_as(Utc::now()), Some(status), "{changes}");
        }
    }

    #[test]
    fn it_is_open_until_the_moment_it_expires() {
        let (approval, end) = (approval(&json!({"expires_at": 1_498_749_591})), 1_498_749_591);
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        assert_eq!(approval.closed_as(at(end - 1)), None);
        assert_eq!(approval.closed_as(at(end)), Some("expired"));
    }

    #[test]
    fn the_client_sees_the_public_members_unchanged_and_the_number_masked() {
        let approval = approval(&json!({"reason": null, "granted_resources": [{"value": 1.50}]}));
        assert_eq!(
            approval.response_data(MethodKind::Otp, &"+380931234585".parse().unwrap()),
            json!({
                "id": ID, "expires_at": 4_102_444_800_i64, "status": "new", "access_level": "read", "reason": null,
                "granted_resources": [{"value": 1.50}],
                "authentication_method_current": {"type": "OTP", "number": "+38093*****85"},
            })
        );
    }

    #[test]
    fn a_number_of_any_form_leaves_the_approval_readable() {
        for (number, expected) in [
            (json!(null), None),
            (json!("0931234585"), Some("0931234585")),
            (json!(380_931_234_585_u64), Some("380931234585")),
        ] {
            let approval = approval(&json!({"urgent": {"type": "OTP", "phone_number": number}}));
            assert_eq!((approval.method(), approval.phone_number()), (MethodKind::Otp, expected));
        }
    }

    #[test]
    fn no_urgent_member_is_no_method() {
        for urgent in [json!(null), json!({}), json!({"type": null})] {
            let approval = approval(&json!({"urgent": urgent}));
            assert_eq!((approval.method(), approval.phone_number()), (MethodKind::Other, None), "{urgent}");
        }
    }

    #[test]
    fn a_member_that_can_not_be_read_is_named() {
        for (changes, member) in [
            (json!({"id": null}), "id"),
            (json!({"patient_id": "x"}), "patient_id"),
            (json!({"status": 1}), "status"),
            (json!({"is_verified": "no"}), "is_verified"),
            (json!({"expires_at": "tomorrow"}), "expires_at"),
            (json!({"authorize_with": {}}), "authorize_with"),
            (json!({"urgent": "OTP"}), "urgent"),
            (json!({"urgent": {"type": 1}}), "urgent.type"),
        ] {
            assert_eq!(Approval::from_registry(data(&changes)).err(), Some(UnreadableMember(member.into())));
        }
    }
}
