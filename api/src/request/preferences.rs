//! A client's preferences (`Prefer`, RFC 7240). A preference is never binding: unknown, malformed and repeated ones are
//! ignored.

use std::iter;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The header that names the preference that was honoured.
pub(crate) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The preferences that this API supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Preferences {
    /// `wait=N`: the longest time to wait for the answer (RFC 7240, 4.3).
    pub(crate) wait: Option<Duration>,
    /// `respond-async`: do not wait (RFC 7240, 4.1).
    pub(crate) respond_async: bool,
}

impl Preferences {
    /// Reads them off a request.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut preferences = Self::default();
        let lines = headers.get_all(PREFER).iter().filter_map(|line| line.to_str().ok());
        let mut waits = Vec::new();
        for (name, value) in lines.flat_map(split).filter_map(preference) {
            match name.to_ascii_lowercase().as_str() {
                "wait" => waits.push(value),
                "respond-async" => preferences.respond_async = true,
                _ => {}
            }
        }
        preferences.wait = waits.first().and_then(|value| seconds(value));
        preferences
    }
}

/// `Preference-Applied` after a wait of at most this long, in whole seconds as requested.
pub(crate) fn wait_applied(limit: Duration) -> HeaderValue {
    let seconds = limit.as_secs() + u64::from(limit.subsec_nanos() > 0);
    HeaderValue::try_from(format!("wait={seconds}")).unwrap_or(HeaderValue::from_static("wait"))
}

/// Splits a list at the commas outside of quoted strings.
fn split(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    iter::from_fn(move || {
        let line = rest?;
        let (item, left) = split_once_outside_quotes(line, b',');
        rest = left;
        Some(item)
    })
}

/// Name and value of `name[=value][;parameters]`; the value without its quotes, empty if there is none.
fn preference(item: &str) -> Option<(&str, &str)> {
    let (item, _parameters) = split_once_outside_quotes(item, b';');
    let (name, value) = item.split_once('=').unwrap_or((item, ""));
    let (name, value) = (name.trim(), value.trim());
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    (!name.is_empty()).then_some((name, value))
}

fn split_once_outside_quotes(text: &str, separator: u8) -> (&str, Option<&str>) {
    let (mut quoted, mut escaped) = (false, false);
    let end = text.bytes().position(|byte| {
        if escaped {
            escaped = false;
        } else if quoted && byte == b'\\' {
            escaped = true;
        } else if byte == b'"' {
            quoted = !quoted;
        } else {
            return byte == separator && !quoted;
        }
        false
    });
    end.map_or((text, None), |end| (&text[..end], Some(&text[end + 1..])))
}

/// Only digits are seconds; a number that overflows counts as unlimited.
fn seconds(value: &str) -> Option<Duration> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Duration::from_secs(value.parse().unwrap_or(u64::from(u32::MAX))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(lines: &[&str]) -> (Option<u64>, bool) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(PREFER, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let Preferences { wait, respond_async } = Preferences::of(&headers);
        (wait.map(|wait| wait.as_secs()), respond_async)
    }

    #[test]
    fn both_preferences_are_found_wherever_they_stand() {
        assert_eq!(of(&[]), (None, false));
        assert_eq!(of(&["wait=10"]), (Some(10), false));
        assert_eq!(of(&["respond-async, wait=10"]), (Some(10), true));
        assert_eq!(of(&["return=minimal", "WAIT = \"7\" ; x=1", "Respond-Async"]), (Some(7), true));
        assert_eq!(of(&["handling=\"a,b;\\\"wait=1\", wait=2;foo=\"bar,baz\""]), (Some(2), false));
    }

    #[test]
    fn the_first_of_two_counts_and_nonsense_does_not() {
        assert_eq!(of(&["wait=1, wait=2"]), (Some(1), false));
        for line in [
            "wait",
            "wait=",
            "wait=-1",
            "wait=1.5",
            "wait=ten",
            "wait=+5",
            "waiting=5",
            ", ,;",
            "wait=x, wait=3",
        ] {
            assert_eq!(of(&[line]), (None, false), "{line}");
        }
        assert_eq!(of(&["wait=99999999999999999999999"]), (Some(u64::from(u32::MAX)), false));
    }

    #[test]
    fn what_was_applied_is_told_in_whole_seconds() {
        assert_eq!(wait_applied(Duration::from_millis(1_500)), "wait=2");
        assert_eq!(wait_applied(Duration::from_secs(30)), "wait=30");
    }

    proptest! {
        #[test]
        fn no_header_is_an_error(line in "[\\x20-\\x7E]{0,80}") {
            let _ = of(&[&line]);
        }

        #[test]
        fn a_wait_is_found_behind_any_other_preference(name in "[a-v][a-z-]{0,9}", value in "[^\"\\\\\\x00-\\x1F\\x7F-\\u{10FFFF}]{0,20}", seconds in 0_u32..100_000) {
            let line = format!("{name}=\"{value}\", wait={seconds}");
            prop_assert_eq!(of(&[&line]).0, Some(u64::from(seconds)));
        }
    }
}
