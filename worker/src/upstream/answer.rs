//! An answer of an upstream service: its head, and of its body no more than can be meant.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;

/// Most bytes of a body that are read; more is nonsense.
const BODY_LIMIT: usize = 64 * 1024;

/// An answer whose head arrived.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// `Retry-After`, where it was given and could be read.
    pub retry_after: Option<Duration>,
    /// The body; `None` where it was cut, too slow, or longer than 64 KiB.
    body: Option<Vec<u8>>,
}

impl Answer {
    pub(super) async fn read(response: Response) -> Self {
        let (status, retry_after) = (response.status(), retry_after(response.headers()));
        Self { status, retry_after, body: read_body(response).await }
    }

    /// The body as JSON; `None` where it is anything else.
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(self.body.as_ref()?).ok()
    }

    /// Whether the whole body arrived within the limits.
    pub(super) fn is_readable(&self) -> bool {
        self.body.is_some()
    }
}

async fn read_body(mut response: Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > BODY_LIMIT {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(body)
}

/// Seconds or a date (RFC 9110, section 10.2.3); a date that is past asks for nothing.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    date.signed_duration_since(Utc::now()).to_std().ok()
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
    }

    #[test]
    fn what_cannot_be_read_asks_for_nothing() {
        for value in ["", "soon", "-1", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT", "99999999999999999999"] {
            assert_eq!(asked(value), None, "{value}");
        }
    }
}
