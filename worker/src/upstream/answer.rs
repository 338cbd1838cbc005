//! An answer of an upstream service: its head, and its body up to a limit.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;

/// An answer whose head arrived.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// `Retry-After`, if it is present and valid.
    pub retry_after: Option<Duration>,
    body: Body,
}

/// The body, as far as it was read.
enum Body {
    Whole(Vec<u8>),
    /// It was cut off, or too slow.
    Partial,
    /// It is over the limit.
    TooLarge,
}

impl Answer {
    pub(super) async fn read(response: Response, limit: usize) -> Self {
        let (status, retry_after) = (response.status(), retry_after(response.headers()));
        Self { status, retry_after, body: read_body(response, limit).await }
    }

    /// The body as JSON; `None` if it is anything else.
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        match &self.body {
            Body::Whole(body) => serde_json::from_slice(body).ok(),
            Body::Partial | Body::TooLarge => None,
        }
    }

    /// Whether the body is over the limit.
    pub fn is_too_large(&self) -> bool {
        matches!(self.body, Body::TooLarge)
    }

    /// Whether there is no body at all.
    pub fn is_empty(&self) -> bool {
        matches!(&self.body, Body::Whole(body) if body.is_empty())
    }

    /// Whether the whole body arrived within the limits.
    pub(super) fn is_readable(&self) -> bool {
        matches!(self.body, Body::Whole(_))
    }
}

async fn read_body(mut response: Response, limit: usize) -> Body {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > limit => return Body::TooLarge,
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Body::Whole(body),
            Err(_) => return Body::Partial,
        }
    }
}

/// Seconds or a date (RFC 9110, section 10.2.3); a past date asks for no wait.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some(date.signed_duration_since(Utc::now()).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(value: &str) -> Option<Duration> {
        retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]))
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        let date = (Utc::now() + Duration::from_secs(90)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let wait = asked(&date).unwrap();
        assert!((88..=90).contains(&wait.as_secs()), "{wait:?}");
        assert_eq!(asked("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn what_cannot_be_read_asks_for_nothing() {
        for value in ["", "soon", "-1", "1.5", "99999999999999999999"] {
            assert_eq!(asked(value), None, "{value}");
        }
    }
}
