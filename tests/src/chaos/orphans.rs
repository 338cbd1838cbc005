//! The jobs that a worker held when it died, and how long it took until another worker had them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::keys::keys;

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, cmd, pipe};
use serde_json::Value;

use super::records::GROUP;

/// Most entries one worker may hold here.
const MAX_ENTRIES: usize = 2_000;

/// The jobs of one dead worker.
#[derive(Debug)]
pub struct Orphans {
    /// When it died.
    pub died: Instant,
    /// Its name in the group.
    pub consumer: String,
    /// The jobs it held.
    pub jobs: Vec<String>,
    /// When the last of them was taken over or done.
    pub taken_over: Option<Instant>,
}

impl Orphans {
    /// The names of all consumers in the group.
    pub async fn consumers(redis: &mut MultiplexedConnection) -> RedisResult<Vec<String>> {
        let mut ask = cmd("XINFO");
        ask.arg("CONSUMERS").arg(keys().stream()).arg(GROUP);
        let rows: Vec<HashMap<String, redis::Value>> = ask.query_async(redis).await?;
        rows.into_iter()
            .filter_map(|mut row| row.remove("name"))
            .map(|name| Ok(redis::from_redis_value(name)?))
            .collect()
    }

    /// The entries that this consumer holds now.
    pub async fn of(redis: &mut MultiplexedConnection, consumer: &str) -> RedisResult<Self> {
        let died = Instant::now();
        let entries = held(redis, consumer).await?;
        if entries.is_empty() {
            return Ok(Self {
                died,
                consumer: consumer.to_owned(),
                jobs: Vec::new(),
                taken_over: Some(died),
            });
        }
        let mut ask = pipe();
        for entry in &entries {
            ask.cmd("XRANGE").arg(keys().stream()).arg(entry).arg(entry);
        }
        let found: Vec<Vec<(String, HashMap<String, String>)>> = ask.query_async(redis).await?;
        let jobs = found.into_iter().flatten().filter_map(|(_, fields)| job_of(&fields)).collect();
        Ok(Self { died, consumer: consumer.to_owned(), jobs, taken_over: None })
    }

    /// Checks whether it still holds anything.
    pub async fn look(&mut self, redis: &mut MultiplexedConnection) -> RedisResult<()> {
        if self.taken_over.is_none() && held(redis, &self.consumer).await?.is_empty() {
            self.taken_over = Some(Instant::now());
        }
        Ok(())
    }

    /// How long the last of its jobs belonged to the dead worker.
    pub fn taken_over_after(&self) -> Option<Duration> {
        Some(self.taken_over? - self.died)
    }
}

async fn held(redis: &mut MultiplexedConnection, consumer: &str) -> RedisResult<Vec<String>> {
    let mut ask = cmd("XPENDING");
    ask.arg(keys().stream()).arg(GROUP).arg("-").arg("+").arg(MAX_ENTRIES).arg(consumer);
    let pending: Vec<(String, String, u64, u64)> = ask.query_async(redis).await?;
    Ok(pending.into_iter().map(|(entry, ..)| entry).collect())
}

fn job_of(fields: &HashMap<String, String>) -> Option<String> {
    let message: Value = serde_json::from_str(fields.get("m")?).ok()?;
    message["job"].as_str().map(str::to_owned)
}
