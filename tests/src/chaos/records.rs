//! The job records in Redis, read without the service.

use std::collections::HashMap;

use crate::keys::{job_record, keys};

use redis::aio::ConnectionLike;
use redis::{RedisResult, cmd, pipe};

/// The fields that are read.
const FIELDS: [&str; 5] = ["state", "status", "handed", "deadline", "result"];

/// Jobs read in one round trip.
const BATCH_SIZE: usize = 500;

/// The consumer group.
pub const GROUP: &str = "workers";
/// A job's record and result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// `queued`, `sending`, `scheduled`, `processed` or `failed`.
    pub state: String,
    /// The status code of an ended job.
    pub status: Option<u16>,
    /// How often its message was handed to a gateway.
    pub handed: u32,
    /// No SMS starts after it, milliseconds since the epoch.
    pub deadline_ms: i64,
    /// The result of an ended job, as stored.
    pub result: Option<Vec<u8>>,
}

impl Record {
    /// Whether the job has ended.
    pub fn has_ended(&self) -> bool {
        matches!(self.state.as_str(), "processed" | "failed")
    }
}

/// Every job of a server.
pub async fn all(redis: &mut impl ConnectionLike) -> RedisResult<HashMap<String, Record>> {
    let (mut cursor, mut jobs, prefix) = (0_u64, Vec::new(), keys().job_prefix());
    loop {
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(job_record("*")).arg("COUNT").arg(1_000);
        let (next, found): (u64, Vec<String>) = scan.query_async(redis).await?;
        jobs.extend(found.into_iter().filter_map(|key| key.strip_prefix(&prefix).map(str::to_owned)));
        cursor = next;
        if cursor == 0 {
            return of(redis, &jobs).await;
        }
    }
}

/// Those of these jobs that have a record.
pub async fn of(redis: &mut impl ConnectionLike, jobs: &[String]) -> RedisResult<HashMap<String, Record>> {
    let mut records = HashMap::new();
    for batch in jobs.chunks(BATCH_SIZE) {
        let mut ask = pipe();
        for job in batch {
            ask.cmd("HMGET").arg(job_record(job)).arg(&FIELDS);
        }
        let answers: Vec<Vec<Option<Vec<u8>>>> = ask.query_async(redis).await?;
        for (job, fields) in batch.iter().zip(answers) {
            records.extend(read(&fields).map(|record| (job.clone(), record)));
        }
    }
    Ok(records)
}

fn read(fields: &[Option<Vec<u8>>]) -> Option<Record> {
    let text = |index: usize| fields[index].as_deref().map(String::from_utf8_lossy);
    let number = |index: usize| text(index).and_then(|text| text.parse::<i64>().ok());
    Some(Record {
        state: text(0)?.into_owned(),
        status: number(1).and_then(|status| u16::try_from(status).ok()),
        handed: number(2).and_then(|handed| u32::try_from(handed).ok()).unwrap_or(0),
        deadline_ms: number(3).unwrap_or(i64::MAX),
        result: fields[4].clone(),
    })
}
