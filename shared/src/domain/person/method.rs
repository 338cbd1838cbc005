//! One authentication method of a person.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::members::{Members, UnreadableMember};

/// One authentication method of a person.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthenticationMethod {
    /// The id that an approval's `authorize_with` refers to.
    pub id: Option<String>,
    /// Its kind.
    pub kind: MethodKind,
    /// Whether the registry marks it as active; absent means yes.
    is_active: bool,
    /// When it ended or will end.
    ended_at: Option<DateTime<Utc>>,
    /// Where its codes go, as the registry writes it.
    phone_number: Option<String>,
    /// For `THIRD_PERSON`: the kind of that person's own method, and where its codes go.
    third_person: Option<(MethodKind, Option<String>)>,
}

/// Kinds of authentication method of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum MethodKind {
    /// A one-time code by SMS.
    #[serde(rename = "OTP")]
    Otp,
    /// Paper documents.
    #[serde(rename = "OFFLINE")]
    Offline,
    /// A third person confirms for this person.
    #[serde(rename = "THIRD_PERSON")]
    ThirdPerson,
    /// None, `NA` after a reset, or a kind that the registry adds later: no SMS is sent for these.
    #[serde(rename = "NA")]
    Other,
}

impl MethodKind {
    /// Reads a member `type`.
    pub(in crate::domain) fn read(members: &Members<'_>) -> Result<Self, UnreadableMember> {
        Ok(match members.text("type")? {
            Some("OTP") => Self::Otp,
            Some("OFFLINE") => Self::Offline,
            Some("THIRD_PERSON") => Self::ThirdPerson,
            _ => Self::Other,
        })
    }
}

impl AuthenticationMethod {
    /// Reads a method. The third person's own method is in `third_person` or, in MPI's form, in `reference`.
    pub(super) fn read(members: &Members<'_>) -> Result<Self, UnreadableMember> {
        let own = match members.object("third_person")? {
            Some(own) => Some(own),
            None => members.object("reference")?,
        };
        let third_person = own.map(|own| Ok((MethodKind::read(&own)?, phone_number(&own)?))).transpose()?;
        Ok(Self {
            id: members.text("id")?.map(str::to_owned),
            kind: MethodKind::read(members)?,
            is_active: members.flag("is_active")?.unwrap_or(true),
            ended_at: members.time("ended_at")?,
            phone_number: phone_number(members)?,
            third_person,
        })
    }

    /// Active and not ended at `now`; an end in the future does not count yet.
    pub fn is_in_force(&self, now: DateTime<Utc>) -> bool {
        self.is_active && self.ended_at.is_none_or(|end| end > now)
    }

    /// Whether a code by SMS is how this method works: `OTP`, or `THIRD_PERSON` whose own method is `OTP`.
    pub fn is_otp(&self) -> bool {
        match self.kind {
            MethodKind::Otp => true,
            MethodKind::ThirdPerson => matches!(self.third_person, Some((MethodKind::Otp, _))),
            MethodKind::Offline | MethodKind::Other => false,
        }
    }

    /// Where its codes go: the person's phone or the third person's, as the registry writes it.
    pub fn phone_number(&self) -> Option<&str> {
        match self.kind {
            MethodKind::ThirdPerson => self.third_person.as_ref().and_then(|(_, phone)| phone.as_deref()),
            _ => self.phone_number.as_deref(),
        }
    }
}

/// Shows no phone number.
impl std::fmt::Debug for AuthenticationMethod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("AuthenticationMethod");
        shown.field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

fn phone_number(members: &Members<'_>) -> Result<Option<String>, UnreadableMember> {
    Ok(members.text("phone_number")?.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn method(changes: &Value) -> AuthenticationMethod {
        let mut data = json!({"id": "m", "type": "OTP", "phone_number": "+380931234585"});
        for (name, value) in changes.as_object().unwrap() {
            data[name] = value.clone();
        }
        AuthenticationMethod::read(&Members::of(&data).unwrap()).unwrap()
    }

    #[test]
    fn a_code_by_sms_is_for_otp_and_for_third_persons_with_otp() {
        for (changes, expected) in [
            (json!({}), true),
            (json!({"type": "OFFLINE"}), false),
            (json!({"type": "NA"}), false),
            (json!({"type": null}), false),
            (json!({"type": "INVENTED_LATER"}), false),
            (json!({"type": "THIRD_PERSON", "third_person": {"type": "OTP"}}), true),
            (json!({"type": "THIRD_PERSON", "reference": {"type": "OTP"}}), true),
            (json!({"type": "THIRD_PERSON", "third_person": null, "reference": {"type": "OTP"}}), true),
            (json!({"type": "THIRD_PERSON", "third_person": {"type": "OFFLINE"}}), false),
            (json!({"type": "THIRD_PERSON", "reference": {"type": "OFFLINE"}}), false),
            (json!({"type": "THIRD_PERSON", "value": "6eaeea53-47ac-459a-bcd8-c90a36947de6"}), false),
        ] {
            assert_eq!(method(&changes).is_otp(), expected, "{changes}");
        }
    }

    #[test]
    fn the_codes_of_a_third_person_go_to_that_persons_phone() {
        let own = json!({"type": "OTP", "phone_number": "+380952222222"});
        assert_eq!(method(&json!({})).phone_number(), Some("+380931234585"));
        for shape in ["third_person", "reference"] {
            let changes = json!({"type": "THIRD_PERSON", shape: own});
            assert_eq!(method(&changes).phone_number(), Some("+380952222222"), "{shape}");
        }
        assert_eq!(method(&json!({"type": "THIRD_PERSON"})).phone_number(), None);
    }

    #[test]
    fn an_end_in_the_future_is_no_end_yet() {
        let now = Utc::now();
        for (changes, expected) in [
            (json!({}), true),
            (json!({"ended_at": null, "is_active": null}), true),
            (json!({"ended_at": "2100-01-01T00:00:00Z"}), true),
            (json!({"ended_at": "2017-01-01T00:00:00Z"}), false),
            (json!({"ended_at": "2017-01-01T00:00:00"}), false),
            (json!({"is_active": false}), false),
        ] {
            assert_eq!(method(&changes).is_in_force(now), expected, "{changes}");
        }
    }

    #[test]
    fn it_is_in_force_until_the_moment_it_ends() {
        let (method, end) = (method(&json!({"ended_at": 1_498_749_591})), 1_498_749_591);
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        assert!(method.is_in_force(at(end - 1)) && !method.is_in_force(at(end)));
    }

    #[test]
    fn kinds_have_the_platforms_names_and_any_other_is_none() {
        for (name, read) in [
            ("OTP", "OTP"),
            ("OFFLINE", "OFFLINE"),
            ("THIRD_PERSON", "THIRD_PERSON"),
            ("NA", "NA"),
            ("INVENTED_LATER", "NA"),
        ] {
            assert_eq!(json!(method(&json!({"type": name})).kind), json!(read), "{name}");
        }
    }

    #[test]
    fn it_is_printed_without_its_number() {
        assert!(!format!("{:?}", method(&json!({}))).contains("4585"));
    }
}
