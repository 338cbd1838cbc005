//! Reading a job for its client.

use std::sync::Arc;

use ::redis::{Cmd, Pipeline};

use crate::domain::ids::JobId;
use crate::domain::job::{Job, JobEnd};
use crate::queue::core::Core;
use crate::queue::error::QueueError;
use crate::queue::stored_result::unpack;

/// Reads jobs for their clients. Cheap to clone.
#[derive(Clone)]
pub struct JobStore {
    pub(super) core: Arc<Core>,
}

impl JobStore {
    pub(in crate::queue) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// The job, or `None` if there is none (any more); one round trip. An end is shown only once as many replicas have
    /// confirmed it as a write needs: otherwise a fail-over could take it back.
    pub async fn job(&self, id: &JobId) -> Result<Option<Job>, QueueError> {
        let key = self.core.keys.job(id);
        let mut ask = Pipeline::with_capacity(2);
        let mut read = Cmd::with_capacity(2 + FIELDS.len(), 128);
        read.arg("HMGET").arg(&key).arg(&FIELDS);
        ask.add_command(read).cmd("TIME");
        let (record, (seconds, micros)): (Record, (u64, u64)) = self.core.redis.pipeline(&ask).await?;
        let is_confirmed = record.6.is_some();
        let job = read_job(id, record, seconds * 1_000 + micros / 1_000)?;
        let has_ended = job.as_ref().is_some_and(|job| job.end.is_some());
        if has_ended && !is_confirmed && self.core.redis.min_replicas() > 0 {
            let mut confirm = self.core.scripts.confirm_end.prepare_invoke();
            let _written: u64 = self.core.redis.script_confirmed(confirm.key(&key)).await?;
            self.core.mark_confirmed(id).await;
        }
        Ok(job)
    }
}

/// The fields of a [`Record`].
const FIELDS: [&str; 7] = ["state", "client", "eta", "status", "result", "ended", "confirmed"];

/// State, client, ETA, status code, result, end, and whether the end is confirmed.
type Record = (Text, Text, Text, Text, Option<Vec<u8>>, Text, Text);
type Text = Option<String>;

fn read_job(id: &JobId, record: Record, now_ms: u64) -> Result<Option<Job>, QueueError> {
    let (state, client, eta, status, result, ended, _) = record;
    let (Some(state), Some(client)) = (state, client) else { return Ok(None) };
    let state =
        state.parse::<crate::domain::job::JobState>().map_err(|_| QueueError::Corrupt("a job's state"))?;
    let client = client.parse().map_err(|_| QueueError::Corrupt("a job's client"))?;
    let eta_ms = eta.and_then(|eta| eta.parse().ok()).ok_or(QueueError::Corrupt("a job's eta"))?;
    let end = match (state.has_ended(), status, result, ended) {
        (false, ..) => None,
        (true, Some(status), Some(result), Some(ended)) => {
            let status_code = status.parse().map_err(|_| QueueError::Corrupt("a job's status code"))?;
            let ended_ms = ended.parse().map_err(|_| QueueError::Corrupt("the end of a job"))?;
            Some(JobEnd { status_code, ended_ms, result: unpack(result)? })
        }
        (true, ..) => return Err(QueueError::Corrupt("an ended job's result")),
    };
    Ok(Some(Job { id: id.clone(), client, state, eta_ms, now_ms, end }))
}
