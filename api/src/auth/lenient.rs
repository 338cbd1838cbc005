//! Reads members of an answer in every form that servers send.

use serde::{Deserialize, Deserializer};

/// A time in epoch seconds: a number, whole or fractional, or either as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EpochSeconds(pub(super) i64);

/// One text or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    /// One.
    One(String),
    /// A list.
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(i64),
    Fraction(f64),
    Text(String),
}

impl<'de> Deserialize<'de> for EpochSeconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = match Number::deserialize(deserializer)? {
            Number::Whole(number) => return Ok(Self(number)),
            Number::Fraction(number) => Some(number),
            Number::Text(text) => text.trim().parse().ok(),
        };
        // Doubles are exact far beyond any real time.
        let in_range = number.filter(|number| number.abs() < 1e15);
        #[allow(clippy::cast_possible_truncation)]
        let seconds = in_range.map(|number| Self(number.floor() as i64));
        seconds.ok_or_else(|| serde::de::Error::custom("not a time in epoch seconds"))
    }
}

impl OneOrMany {
    /// Each text; a scope given as text is itself a space-separated list.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        let texts = match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        };
        texts.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn seconds(value: Value) -> Option<i64> {
        serde_json::from_value::<EpochSeconds>(value).ok().map(|seconds| seconds.0)
    }

    #[test]
    fn a_time_is_read_in_every_form_servers_send() {
        for value in [json!(7), json!(7.0), json!(7.9), json!("7"), json!("7.0"), json!(" 7 ")] {
            assert_eq!(seconds(value.clone()), Some(7), "{value}");
        }
        assert_eq!(seconds(json!(1.5e9)), Some(1_500_000_000));
        for value in
            [json!("soon"), json!(""), json!(true), json!([7]), json!(1e300), json!("NaN"), json!("inf")]
        {
            assert_eq!(seconds(value.clone()), None, "{value}");
        }
    }
}
