//! Quarantined entries, and the reason for each.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use ::redis::FromRedisValue as _;
use ::redis::Value;

use super::role::Operator;
use crate::domain::ids::{InvalidId, JobId};
use crate::queue::error::QueueError;

/// The id of an entry in the quarantine, such as `1533206716000-0`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuarantineId(pub(in crate::queue) String);

/// A quarantined entry. Its content is not shown: a malformed entry may hold anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Its id.
    pub id: QuarantineId,
    /// When it was quarantined, milliseconds since the epoch.
    pub since_ms: u64,
    /// `poison`, `malformed` or `unknown_version`.
    pub reason: String,
    /// How often it had been delivered.
    pub deliveries: u64,
    /// The job in it, if that can be read.
    pub job: Option<JobId>,
    /// Size of its message in bytes.
    pub bytes: usize,
}

impl fmt::Display for QuarantineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for QuarantineId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let wrong = InvalidId { wants: "an id of `quarantine list`, such as 1533206716000-0" };
        let is_number = |part: &str| part.parse::<u64>().is_ok();
        match text.split_once('-') {
            Some((ms, number)) if is_number(ms) && is_number(number) => Ok(Self(text.to_owned())),
            _ => Err(wrong),
        }
    }
}

impl Operator {
    /// The newest quarantined entries, at most `limit`.
    pub async fn quarantined(&self, limit: usize) -> Result<Vec<Quarantined>, QueueError> {
        let mut newest = ::redis::cmd("XREVRANGE");
        newest.arg(self.core.keys.quarantine()).arg("+").arg("-").arg("COUNT").arg(limit);
        let entries: Vec<(String, Vec<Value>)> = self.core.redis.command(&newest).await?;
        Ok(entries.into_iter().map(|(entry, fields)| read_entry(entry, &fields)).collect())
    }
}

/// Field values may be any bytes; invalid UTF-8 is replaced.
fn read_entry(entry: String, fields: &[Value]) -> Quarantined {
    let bytes = |value: &Value| Vec::<u8>::from_redis_value_ref(value).unwrap_or_default();
    let fields: HashMap<Vec<u8>, Vec<u8>> =
        fields.chunks_exact(2).map(|pair| (bytes(&pair[0]), bytes(&pair[1]))).collect();
    let get = |name: &[u8]| fields.get(name).map(|value| String::from_utf8_lossy(value).into_owned());
    let message = fields.get(b"m".as_slice());
    let job = message.and_then(|message| serde_json::from_slice::<serde_json::Value>(message).ok());
    Quarantined {
        since_ms: entry.split_once('-').and_then(|(ms, _)| ms.parse().ok()).unwrap_or(0),
        id: QuarantineId(entry),
        reason: get(b"reason").unwrap_or_default(),
        deliveries: get(b"deliveries").and_then(|text| text.parse().ok()).unwrap_or(0),
        job: job.and_then(|message| message["job"].as_str()?.parse().ok()),
        bytes: message.map_or(0, Vec::len),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entrys_name_is_read_back_and_nothing_else_is_one() {
        let id: QuarantineId = "1533206716000-0".parse().unwrap();
        assert_eq!(id.to_string(), "1533206716000-0");
        for text in ["", "1533206716000", "0:1-0", "1", "1-x", "1-0-0"] {
            assert!(text.parse::<QuarantineId>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_entry_that_is_not_even_text_can_be_listed() {
        let field = |bytes: &[u8]| Value::BulkString(bytes.to_vec());
        let fields = vec![field(b"reason"), field(b"malformed"), field(b"m"), field(b"\xff\xfe{")];
        let seen = read_entry("1533206716000-0".into(), &fields);
        assert_eq!((seen.reason.as_str(), seen.job, seen.bytes), ("malformed", None, 3));
        assert_eq!(seen.since_ms, 1_533_206_716_000);
    }
}
