//! A state of Redis: what is needed to restore it, and to compare it with others.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use redis::{Pipeline, Value, from_redis_value};

/// A state of Redis; clones share it.
#[derive(Clone)]
pub(crate) struct Store(Arc<StoreContent>);

struct StoreContent {
    keys: Vec<Key>,
    /// With the workers named by their positions, and with the positions reversed.
    digests: [u128; 2],
    waiting: usize,
    scheduled: usize,
    is_paused: bool,
    /// The owner of each delivered entry.
    pending: Vec<String>,
}

/// One key.
struct Key {
    name: String,
    dump: Vec<u8>,
    expires: i64,
    /// Digest of its text, with times relative to the clock.
    digest: u64,
}

impl Store {
    /// An empty Redis.
    pub(crate) fn empty() -> Self {
        Self(Arc::new(StoreContent {
            keys: Vec::new(),
            digests: [0; 2],
            waiting: 0,
            scheduled: 0,
            is_paused: false,
            pending: Vec::new(),
        }))
    }

    /// Parses the reply of `state.lua`, read when Redis' clock showed this time and the workers had these names.
    pub(crate) fn read(answer: Value, now_ms: u64, workers: &[&str]) -> Self {
        let rows: Vec<(String, Vec<u8>, i64, Vec<u8>)> =
            from_redis_value(answer).expect("the rows of state.lua");
        let (mut keys, mut texts) = (Vec::with_capacity(rows.len()), String::new());
        let (mut pending, mut entries, mut scheduled, mut is_paused) = (Vec::new(), 0, 0, false);
        for (name, dump, expires, text) in rows {
            let text = format!("{name} {expires}\n{}\n", String::from_utf8_lossy(&text));
            if name.ends_with(":stream") {
                entries = text.lines().filter(|line| line.starts_with("entry ")).count();
                let holders =
                    text.lines().filter_map(|line| line.strip_prefix("pending ")?.split(' ').nth(1));
                pending.extend(holders.map(str::to_owned));
            }
            if name.ends_with(":scheduled") {
                scheduled = text.lines().count() / 2;
            }
            is_paused |= name.ends_with(":paused");
            let text = relative(&text, now_ms);
            texts.push_str(&text);
            keys.push(Key { name, dump, expires, digest: half_digest(&text, 0) });
        }
        let waiting = entries.saturating_sub(pending.len());
        Self(Arc::new(StoreContent {
            keys,
            digests: digests(&texts, workers),
            waiting,
            scheduled,
            is_paused,
            pending,
        }))
    }

    /// Equal for states that our code cannot tell apart; the second with the workers' positions reversed.
    pub(crate) fn digests(&self) -> [u128; 2] {
        self.0.digests
    }

    /// The digest of a single key.
    pub(crate) fn digest_of(&self, name: &str) -> Option<u64> {
        self.key(name).map(|key| key.digest)
    }

    /// Entries that nobody has read.
    pub(crate) fn waiting(&self) -> usize {
        self.0.waiting
    }

    /// Scheduled jobs.
    pub(crate) fn scheduled(&self) -> usize {
        self.0.scheduled
    }

    /// Whether the workers must take nothing new.
    pub(crate) fn is_paused(&self) -> bool {
        self.0.is_paused
    }

    /// Entries held by workers.
    pub(crate) fn pending(&self) -> usize {
        self.0.pending.len()
    }

    /// Entries held by this consumer.
    pub(crate) fn pending_of(&self, consumer: &str) -> usize {
        self.0.pending.iter().filter(|holder| *holder == consumer).count()
    }

    /// The commands that turn the other state into this one.
    pub(crate) fn changes_from(&self, other: &Self) -> Pipeline {
        let mut changes = Pipeline::new();
        if Arc::ptr_eq(&self.0, &other.0) {
            return changes;
        }
        for key in other.0.keys.iter().filter(|key| self.key(&key.name).is_none()) {
            changes.cmd("DEL").arg(&key.name);
        }
        for key in &self.0.keys {
            if other.key(&key.name).is_none_or(|known| known.dump != key.dump || known.expires != key.expires)
            {
                let restore = changes.cmd("RESTORE").arg(&key.name).arg(key.expires.max(0)).arg(&key.dump);
                restore.arg("REPLACE").arg("ABSTTL");
            }
        }
        changes
    }

    fn key(&self, name: &str) -> Option<&Key> {
        self.0.keys.iter().find(|key| key.name == name)
    }
}

/// Digests of a text with the workers named by their positions, counted from the first and from the last.
fn digests(text: &str, workers: &[&str]) -> [u128; 2] {
    [false, true].map(|is_reversed| {
        let mut named = text.to_owned();
        for (place, name) in workers.iter().enumerate() {
            let place = if is_reversed { workers.len() - 1 - place } else { place };
            named = named.replace(name, &format!("@{place}"));
        }
        digest(&named)
    })
}

/// A digest of a text.
pub(crate) fn digest(text: &str) -> u128 {
    u128::from(half_digest(text, 1)) << 64 | u128::from(half_digest(text, 2))
}

fn half_digest(text: &str, seed: u8) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, text).hash(&mut hasher);
    hasher.finish()
}

/// Makes times relative to now: numbers of thirteen digits are times.
pub(crate) fn relative(text: &str, now_ms: u64) -> String {
    let (mut relative, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let length = rest[start..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - start);
        let (before, from_digits) = rest.split_at(start);
        let (digits, after) = from_digits.split_at(length);
        relative.push_str(before);
        match digits.parse::<i64>() {
            Ok(time) if length == 13 => {
                let _ = write!(relative, "now{:+}", time - i64::try_from(now_ms).unwrap_or(0));
            }
            _ => relative.push_str(digits),
        }
        rest = after;
    }
    relative.push_str(rest);
    relative
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_times_are_relative() {
        assert_eq!(
            relative("at=1800000010000 n=12 1800000000000-0", 1_800_000_000_000),
            "at=now+10000 n=12 now+0-0"
        );
    }
}
