//! `Idempotency-Key`, and `X-Idempotency-Key` as the platform calls it. The first wins where both are sent. A key is
//! taken as it stands: quotes around it are part of it.

use axum::http::{HeaderMap, HeaderName};
use shared::domain::ids::IdempotencyKey;

use crate::responses::violation::{Rule, Violation};

const NAMES: [&str; 2] = ["idempotency-key", "x-idempotency-key"];

/// The key of a request, if it has one; the violation if it has one that is none.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Violation> {
    let Some((name, value)) =
        NAMES.iter().find_map(|name| Some((*name, headers.get(HeaderName::from_static(name))?)))
    else {
        return Ok(None);
    };
    let key = value.to_str().ok().and_then(|value| value.parse().ok());
    key.map(Some).ok_or(Violation::header(name, MALFORMED))
}

/// The violation of a key that was used with another path before.
pub(crate) fn reused(headers: &HeaderMap) -> Violation {
    let name = NAMES.into_iter().find(|name| headers.contains_key(*name)).unwrap_or(NAMES[0]);
    Violation::header(name, REUSED)
}

const MALFORMED: Rule = Rule {
    name: "format",
    params: &["^[\\x21-\\x7E]{1,255}$"],
    description: "must be 1 to 255 visible ASCII characters",
};

const REUSED: Rule = Rule {
    name: "unique",
    params: &[],
    description: "was used with another path before; use a new key for a new request",
};

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(pairs: &[(&'static str, &str)]) -> Result<Option<String>, &'static str> {
        let headers =
            pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        key(&headers.collect()).map(|key| key.map(|key| key.to_string())).map_err(|violation| violation.entry)
    }

    #[test]
    fn either_name_will_do_and_the_standard_one_wins() {
        assert_eq!(key_of(&[]), Ok(None));
        assert_eq!(key_of(&[("x-idempotency-key", "a")]), Ok(Some("a".into())));
        assert_eq!(key_of(&[("x-idempotency-key", "a"), ("idempotency-key", "b")]), Ok(Some("b".into())));
    }

    #[test]
    fn a_key_that_is_none_is_told_by_the_name_it_came_under() {
        assert_eq!(key_of(&[("idempotency-key", "")]), Err("idempotency-key"));
        assert_eq!(key_of(&[("x-idempotency-key", &"a".repeat(256))]), Err("x-idempotency-key"));
        assert_eq!(key_of(&[("x-idempotency-key", "a b")]), Err("x-idempotency-key"));
    }
}
