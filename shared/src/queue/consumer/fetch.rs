//! *Fetch*: blocking reads on a separate connection, and parsing of raw entries.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redis::{Cmd, FromRedisValue, RedisResult, Value, from_redis_value};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::lease::Lease;
use super::leased_job::LeasedJob;
use super::process::Consumer;
use crate::domain::message::{DecodeError, Message};
use crate::queue::delivery::Delivery;
use crate::queue::error::QueueError;
use crate::queue::keys::GROUP;
use crate::redis::{Connection, RedisError};

/// How long a read blocks. A stop waits this long for it, and a dead connection is noticed this late. An idle worker
/// sends Redis one command per block.
const BLOCK: Duration = Duration::from_secs(1);

/// How much later an answer may still come.
const LATE: Duration = Duration::from_millis(1_500);

/// Most entries in one read, however many slots are free.
const READ_AT_ONCE: usize = 128;

/// Wait after a failed read, on top of the connection's own backoff.
const AFTER_FAILURE: Duration = Duration::from_millis(250);

/// An entry as Redis returned it, not validated yet.
#[derive(Debug)]
pub(super) struct RawEntry {
    pub(super) id: String,
    pub(super) number: u64,
    pub(super) fields: Vec<Vec<u8>>,
}

/// A read's reply: stream, entries, fields. Deleted entries have no fields.
type ReadAnswer = Option<Vec<(String, Vec<(String, Option<Vec<Vec<u8>>>)>)>>;

impl Consumer {
    /// Reads new entries until told to stop. Transient errors never end it.
    pub(super) async fn fetch(self: Arc<Self>, sender: mpsc::Sender<LeasedJob>) {
        // However this ends, a worker that no longer fetches must not look alive.
        let _ends_all = self.stop.clone().drop_guard();
        let mut connection = None;
        while self.may_take().await {
            let free = self.free_slots().await;
            match self.read(&mut connection, free.min(READ_AT_ONCE)).await {
                Ok(entries) => {
                    self.intake.note_refusal(None);
                    self.deliver(entries, &sender).await;
                }
                Err(error) => {
                    connection = None;
                    if !error.is_no_group() {
                        self.intake.note_refusal(Some(error.to_string().into()));
                    }
                    if !self.recover(&error).await {
                        let _ = self.stop.run_until_cancelled(tokio::time::sleep(AFTER_FAILURE)).await;
                    }
                    // The failed read may have taken entries whose reply was lost.
                    let _ = self.recover_own(&sender).await;
                }
            }
        }
    }

    async fn read(
        &self,
        connection: &mut Option<(u64, Connection)>,
        count: usize,
    ) -> Result<Vec<RawEntry>, QueueError> {
        let link = self.deliveries.core.redis.generation();
        let connection = match connection {
            // The connection was replaced since, perhaps by one to another master: what an old master hands out is
            // discarded.
            Some((of, connection)) if *of == link || link == 0 => connection,
            _ => &mut connection.insert((link, self.deliveries.core.redis.dedicated().await?)).1,
        };
        let command = self.read_command(count);
        let answer = timeout(BLOCK + LATE, command.query_async::<Value>(connection)).await;
        let answer = answer.map_err(|_| RedisError::Silent(BLOCK + LATE))?.map_err(RedisError::from)?;
        read_entries(answer)
    }

    fn read_command(&self, count: usize) -> Cmd {
        let mut command = ::redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(GROUP).arg(self.name.as_ref());
        command.arg("COUNT").arg(count).arg("BLOCK").arg(BLOCK.as_secs() * 1_000).arg("STREAMS");
        command.arg(self.deliveries.core.keys.stream()).arg(">");
        command
    }

    /// Dispatches entries to the worker.
    pub(super) async fn deliver(&self, entries: Vec<RawEntry>, sender: &mpsc::Sender<LeasedJob>) {
        let held = self.hold(entries).await;
        self.dispatch_all(held, sender).await;
    }

    /// Holds the leases of these entries from now on, so that none expires while its entry waits for a slot. Entries
    /// that are no messages are quarantined.
    pub(super) async fn hold(&self, entries: Vec<RawEntry>) -> Vec<Lease> {
        let mut held = Vec::with_capacity(entries.len());
        for entry in entries {
            match entry.decode(&self.name) {
                Ok(delivery) => held.extend(self.leases.hold(delivery)),
                Err(error) => self.set_aside(&entry, &error).await,
            }
        }
        held
    }

    /// Runs each as soon as a slot is free. If the worker is told to stop first, the rest are released untouched.
    pub(super) async fn dispatch_all(&self, held: Vec<Lease>, sender: &mpsc::Sender<LeasedJob>) {
        let read_at = Instant::now();
        for lease in held {
            self.dispatch(lease, read_at, sender).await;
        }
    }

    async fn set_aside(&self, entry: &RawEntry, error: &DecodeError) {
        let reason = match error {
            DecodeError::Malformed(_) => "malformed",
            DecodeError::UnknownVersion(_) => "unknown_version",
        };
        match self.deliveries.quarantine(&self.name, entry, reason).await {
            Ok(()) => tracing::warn!(entry = entry.id, reason, "entry quarantined"),
            // It stays pending; whoever takes it over after the lease tries again.
            Err(error) => {
                tracing::warn!(entry = entry.id, reason, %error, "entry not quarantined yet");
            }
        }
    }
}

impl RawEntry {
    /// The delivery of this entry to a consumer.
    pub(super) fn decode(&self, consumer: &Arc<str>) -> Result<Delivery, DecodeError> {
        let field = |name: &[u8]| {
            self.fields.chunks_exact(2).find(|pair| pair[0] == name).map(|pair| pair[1].as_slice())
        };
        let message = Message::decode(field(b"m").unwrap_or_default())?;
        let accepted =
            field(b"at").and_then(|at| std::str::from_utf8(at).ok()).and_then(|at| at.parse().ok());
        Ok(Delivery {
            message,
            accepted_ms: accepted.unwrap_or_else(|| entry_time(&self.id)),
            entry: self.id.clone(),
            consumer: consumer.clone(),
            number: self.number,
        })
    }
}

/// The time in an entry's id, milliseconds since the epoch.
fn entry_time(id: &str) -> u64 {
    id.split_once('-').and_then(|(ms, _)| ms.parse().ok()).unwrap_or(0)
}

/// The entries in a reply of `XREADGROUP`.
pub(super) fn read_entries(answer: Value) -> Result<Vec<RawEntry>, QueueError> {
    let streams = read_streams(answer).map_err(|_| QueueError::Corrupt("the answer of XREADGROUP"))?;
    let entries = streams.into_iter().flatten().flat_map(|(_, entries)| entries);
    Ok(entries.map(|(id, fields)| RawEntry { id, number: 1, fields: fields.unwrap_or_default() }).collect())
}

fn read_streams(answer: Value) -> RedisResult<ReadAnswer> {
    // RESP3 returns a map, RESP2 a list of pairs; both parse as pairs.
    Ok(from_redis_value(answer)?)
}

impl FromRedisValue for RawEntry {
    /// An entry in the reply of *reclaim*: id, delivery number, fields.
    fn from_redis_value(value: Value) -> Result<Self, ::redis::ParsingError> {
        let (id, number, fields) = from_redis_value(value)?;
        Ok(Self { id, number, fields })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entrys_id_holds_its_time() {
        assert_eq!(entry_time("1533206716000-3"), 1_533_206_716_000);
        assert_eq!(entry_time("x"), 0);
    }
}
