//! The last hour by minute, for graphs. Once a minute a worker copies the totals that the queue keeps anyway, so jobs
//! cost nothing more.

use super::role::Operator;
use crate::queue::error::QueueError;
use std::collections::BTreeMap;

/// Minutes kept: an hour, and one more for the first difference.
const KEPT: u64 = 61;

/// The queue as it was when a minute began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Minute {
    /// When, milliseconds since the epoch by Redis' clock.
    pub at_ms: u64,
    /// Jobs that had not ended.
    pub live: u64,
    /// Jobs that ended since the queue was created, by status code.
    pub ended: BTreeMap<u16, u64>,
}

impl Operator {
    /// Records this minute, unless it is recorded already.
    pub async fn record_minute(&self) -> Result<(), QueueError> {
        let keys = &self.core.keys;
        let mut call = self.core.scripts.record_minute.prepare_invoke();
        call.key(keys.history()).key(keys.counts()).key(keys.live());
        call.arg(KEPT);
        let _recorded: u32 = self.core.redis.script(&call).await?;
        Ok(())
    }

    /// The last hour, oldest first. Minutes without a worker are missing.
    pub async fn history(&self) -> Result<Vec<Minute>, QueueError> {
        let mut read = ::redis::cmd("HGETALL");
        read.arg(self.core.keys.history());
        let minutes: BTreeMap<u64, String> = self.core.redis.command(&read).await?;
        Ok(minutes.into_iter().filter_map(|(minute, text)| read_minute(minute, &text)).collect())
    }
}

/// Reads `live code=jobs code=jobs …`.
fn read_minute(minute: u64, text: &str) -> Option<Minute> {
    let mut words = text.split(' ');
    let live = words.next()?.parse().ok()?;
    let read = |word: &str| {
        word.split_once('=').and_then(|(code, jobs)| Some((code.parse().ok()?, jobs.parse().ok()?)))
    };
    Some(Minute { at_ms: minute * 60_000, live, ended: words.filter_map(read).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_reads_as_the_script_writes_it() {
        let minute = read_minute(25_553_445, "12 200=340 502=3").unwrap();
        assert_eq!((minute.at_ms, minute.live), (1_533_206_700_000, 12));
        assert_eq!(minute.ended, BTreeMap::from([(200, 340), (502, 3)]));
        assert_eq!(read_minute(1, "x"), None);
    }
}
