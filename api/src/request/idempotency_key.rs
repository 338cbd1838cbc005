//! `Idempotency-Key` (IETF draft), and `X-Idempotency-Key`, the platform's name for it. A key in quotes is a
//! structured-field string (RFC 9651, 3.3.3): the quotes are not part of it.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use shared::domain::ids::IdempotencyKey;

use crate::request::violation::{Rule, Violation};

const NAMES: [&str; 2] = ["idempotency-key", "x-idempotency-key"];

const MALFORMED: Rule = Rule {
    name: "format",
    params: &["^[\\x21-\\x7E]{1,255}$"],
    description: "must be 1 to 255 visible ASCII characters",
};

const AMBIGUOUS: Rule =
    Rule { name: "unique", params: &[], description: "was sent twice with different values" };

const REUSED: Rule = Rule {
    name: "unique",
    params: &[],
    description: "was used with another path before; use a new key for a new request",
};

/// The key of a request, if it has one; a violation if it is malformed or there are two different ones.
pub(crate) fn of(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Violation> {
    let mut first: Option<IdempotencyKey> = None;
    for (name, value) in sent(headers) {
        let key = parse(value).ok_or_else(|| Violation::header(name, MALFORMED))?;
        if first.as_ref().is_some_and(|first| *first != key) {
            return Err(Violation::header(name, AMBIGUOUS));
        }
        first = Some(key);
    }
    Ok(first)
}

/// The violation for a key that was used with another path before.
pub(crate) fn reused(headers: &HeaderMap) -> Violation {
    Violation::header(sent(headers).next().map_or(NAMES[0], |(name, _)| name), REUSED)
}

fn sent(headers: &HeaderMap) -> impl Iterator<Item = (&'static str, &HeaderValue)> {
    NAMES.into_iter().flat_map(|name| {
        headers.get_all(HeaderName::from_static(name)).iter().map(move |value| (name, value))
    })
}

fn parse(value: &HeaderValue) -> Option<IdempotencyKey> {
    let text = value.to_str().ok()?;
    match text.strip_prefix('"') {
        None => text.parse().ok(),
        Some(rest) => unquoted(rest.strip_suffix('"')?)?.parse().ok(),
    }
}

/// The string between the quotes, without the backslash before an escaped quote or backslash.
fn unquoted(text: &str) -> Option<String> {
    let (mut plain, mut characters) = (String::with_capacity(text.len()), text.chars());
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => characters.next().filter(|next| ['"', '\\'].contains(next))?,
            '"' => return None,
            other => other,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(pairs: &[(&'static str, &str)]) -> Result<Option<String>, &'static str> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        of(&headers).map(|key| key.map(|key| key.to_string())).map_err(|violation| violation.entry)
    }

    #[test]
    fn either_name_will_do_and_the_same_key_may_come_twice() {
        assert_eq!(key_of(&[]), Ok(None));
        assert_eq!(key_of(&[("x-idempotency-key", "a")]), Ok(Some("a".into())));
        assert_eq!(key_of(&[("x-idempotency-key", "a"), ("idempotency-key", "\"a\"")]), Ok(Some("a".into())));
    }

    #[test]
    fn two_different_keys_are_a_violation() {
        assert_eq!(key_of(&[("x-idempotency-key", "a"), ("idempotency-key", "b")]), Err("x-idempotency-key"));
        assert_eq!(key_of(&[("idempotency-key", "a"), ("idempotency-key", "b")]), Err("idempotency-key"));
    }

    #[test]
    fn quotes_are_no_part_of_a_key() {
        assert_eq!(key_of(&[("idempotency-key", r#""8e03978e""#)]), Ok(Some("8e03978e".into())));
        assert_eq!(key_of(&[("idempotency-key", r#""a\"\\b""#)]), Ok(Some(r#"a"\b"#.into())));
        for malformed in [r#"""#, r#""a"#, r#""a"b""#, r#""a\b""#, r#""a b""#, r#""""#] {
            assert_eq!(key_of(&[("idempotency-key", malformed)]), Err("idempotency-key"), "{malformed}");
        }
    }

    #[test]
    fn a_malformed_key_is_told_by_the_name_it_came_under() {
        assert_eq!(key_of(&[("idempotency-key", "")]), Err("idempotency-key"));
        assert_eq!(key_of(&[("x-idempotency-key", &"a".repeat(256))]), Err("x-idempotency-key"));
        assert_eq!(key_of(&[("x-idempotency-key", "a b")]), Err("x-idempotency-key"));
    }
}
