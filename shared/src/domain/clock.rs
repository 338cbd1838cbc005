//! Wall-clock time in the contract's formats. Nothing that must be safe uses it: what may be sent, and how often,
//! depends on recorded state and on Redis' own clock inside the scripts.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

/// Milliseconds since the Unix epoch, by this machine's clock.
pub fn now_ms() -> u64 {
    u64::try_from(Utc::now().timestamp_millis()).unwrap_or(0)
}

/// Whole milliseconds, the unit that Redis takes times in.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// ISO 8601 in UTC with milliseconds, as in `2018-08-02T10:45:16.000Z`.
pub fn iso(epoch_ms: u64) -> String {
    let at = i64::try_from(epoch_ms).ok().and_then(DateTime::from_timestamp_millis);
    at.unwrap_or(DateTime::<Utc>::MAX_UTC).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Reads the output of `iso`; milliseconds since the epoch.
pub fn parse_iso(text: &str) -> Option<u64> {
    u64::try_from(DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_written_as_the_source_page_writes_it() {
        assert_eq!(iso(1_533_206_716_000), "2018-08-02T10:45:16.000Z");
        assert_eq!(parse_iso("2018-08-02T10:45:16.000Z"), Some(1_533_206_716_000));
    }

    #[test]
    fn a_time_past_the_calendar_does_not_panic() {
        assert!(iso(u64::MAX).ends_with('Z'));
    }
}
