//! Reads members of the registry's JSON objects leniently: `null` is the same as absent, times have a zone or are in
//! UTC, whole numbers have any JSON form, and unknown members are ignored.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

/// A required member is missing, or a member has another form than the registry's contract gives it. Names the member,
/// never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("member {0} cannot be read")]
pub struct UnreadableMember(pub String);

/// The members of one object.
pub(super) struct Members<'a> {
    object: &'a Map<String, Value>,
    /// The path of the object, such as `urgent.`; empty for the outermost.
    path: String,
}

impl<'a> Members<'a> {
    /// The members of the outermost object, `data` in the answer.
    pub(super) fn of(data: &'a Value) -> Result<Self, UnreadableMember> {
        Self::at(data, "data", String::new())
    }

    /// The members of an element of the list `name`.
    pub(super) fn of_element(element: &'a Value, name: &str, index: usize) -> Result<Self, UnreadableMember> {
        let name = format!("{name}[{index}]");
        Self::at(element, &name, format!("{name}."))
    }

    fn at(value: &'a Value, name: &str, path: String) -> Result<Self, UnreadableMember> {
        let object = value.as_object().ok_or_else(|| UnreadableMember(name.to_owned()))?;
        Ok(Self { object, path })
    }

    /// The member, unless it is absent or `null`.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, UnreadableMember> {
        self.read(name, Value::as_str)
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, UnreadableMember> {
        self.read(name, Value::as_bool)
    }

    /// A list.
    pub(super) fn list(&self, name: &str) -> Result<&'a [Value], UnreadableMember> {
        Ok(self.read(name, Value::as_array)?.map_or(&[], Vec::as_slice))
    }

    /// An object.
    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, UnreadableMember> {
        let path = self.path_of(name);
        self.get(name).map(|value| Self::at(value, &path, format!("{path}."))).transpose()
    }

    /// An instant: ISO 8601, or seconds since the epoch.
    pub(super) fn time(&self, name: &str) -> Result<Option<DateTime<Utc>>, UnreadableMember> {
        self.read(name, time)
    }

    /// A UUID, which must be there.
    pub(super) fn id(&self, name: &str) -> Result<Uuid, UnreadableMember> {
        let id = self.read(name, |value| Uuid::try_parse(value.as_str()?).ok())?;
        id.ok_or_else(|| self.unreadable(name))
    }

    /// The error that names this member.
    pub(super) fn unreadable(&self, name: &str) -> UnreadableMember {
        UnreadableMember(self.path_of(name))
    }

    fn read<T>(
        &self,
        name: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, UnreadableMember> {
        self.get(name).map(|value| read(value).ok_or_else(|| self.unreadable(name))).transpose()
    }

    fn path_of(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    let Some(text) = value.as_str() else { return DateTime::from_timestamp(whole(value)?, 0) };
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    if let Ok(seconds) = text.parse() {
        return DateTime::from_timestamp(seconds, 0);
    }
    let time = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    time.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()).map(|time| time.and_utc())
}

/// `1498749591`, `1498749591.0` and `1.498749591e9` are the same number.
fn whole(value: &Value) -> Option<i64> {
    /// The largest number up to which every whole number is exact in a double.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    value.as_i64().or_else(|| {
        let number = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= EXACT)?;
        #[allow(clippy::cast_possible_truncation, reason = "whole and within the exact range")]
        Some(number as i64)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_is_read_with_or_without_a_zone_and_as_any_form_of_a_whole_number() {
        let expected = DateTime::from_timestamp(1_498_749_591, 0);
        for text in [
            r#""2017-06-29T15:19:51Z""#,
            r#""2017-06-29T15:19:51""#,
            r#""2017-06-29 15:19:51""#,
            r#""2017-06-29T15:19:51.000000""#,
            r#""2017-06-29T18:19:51+03:00""#,
            r#""2017-06-29 15:19:51Z""#,
            "1498749591",
            "1498749591.0",
            "1.498749591e9",
            r#""1498749591""#,
        ] {
            let data: Value = serde_json::from_str(&format!(r#"{{"at":{text}}}"#)).unwrap();
            assert_eq!(Members::of(&data).unwrap().time("at").unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_named_and_not_repeated() {
        for value in [json!("tomorrow"), json!(1.5), json!(1e300), json!(true), json!([]), json!("")] {
            let data = json!({"outer": {"at": value}});
            let outer = Members::of(&data).unwrap().object("outer").unwrap().unwrap();
            let error = outer.time("at").unwrap_err();
            assert_eq!(error.to_string(), "member outer.at cannot be read", "{value}");
        }
    }

    #[test]
    fn null_is_the_same_as_absent() {
        for data in [json!({}), json!({"it": null})] {
            let members = Members::of(&data).unwrap();
            assert_eq!(members.text("it"), Ok(None));
            assert_eq!(members.flag("it"), Ok(None));
            assert_eq!(members.time("it"), Ok(None));
            assert_eq!(members.list("it"), Ok(&[][..]));
            assert!(members.object("it").unwrap().is_none());
            assert_eq!(members.id("it"), Err(UnreadableMember("it".into())), "an id is required");
        }
    }

    #[test]
    fn a_member_of_another_form_is_named() {
        let data = json!({"it": 5});
        let (members, error) = (Members::of(&data).unwrap(), UnreadableMember("it".into()));
        assert_eq!(members.text("it").as_ref(), Err(&error));
        assert_eq!(members.flag("it").as_ref(), Err(&error));
        assert_eq!(members.list("it").as_ref(), Err(&error));
        assert_eq!(members.id("it").as_ref(), Err(&error));
        assert_eq!(members.object("it").err(), Some(error));
        assert_eq!(Members::of(&json!([])).err(), Some(UnreadableMember("data".into())));
    }
}
