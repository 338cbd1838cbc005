//! Reading without changing: a job for its client here; the whole queue for its operators below.

mod jobs;
mod overview;
mod quarantine;
mod workers;

use ::redis::Pipeline;

use crate::domain::ids::JobId;
use crate::domain::job::{Job, JobEnd};

pub use jobs::{JobStatus, Progress};
pub use overview::Overview;
pub use quarantine::{QuarantineId, Quarantined};
pub use workers::WorkerStatus;

use super::{Queue, QueueError};

impl Queue {
    /// The job, or `None` where there is none (any more); one round trip.
    pub async fn job(&self, id: &JobId) -> Result<Option<Job>, QueueError> {
        let keys = &self.inner.keys;
        let mut ask = Pipeline::with_capacity(2);
        ask.cmd("HMGET").arg(keys.job(id)).arg(&["state", "client", "eta", "status"]);
        ask.cmd("GET").arg(keys.result(id));
        let (record, result): (Vec<Option<String>>, Option<String>) = self.inner.redis.pipeline(&ask).await?;
        read_job(id, record, result)
    }
}

fn read_job(
    id: &JobId,
    record: Vec<Option<String>>,
    result: Option<String>,
) -> Result<Option<Job>, QueueError> {
    let Ok([state, client, eta, status]) = <[Option<String>; 4]>::try_from(record) else {
        return Err(QueueError::Corrupt("a job record"));
    };
    let (Some(state), Some(client)) = (state, client) else { return Ok(None) };
    let state =
        state.parse::<crate::domain::job::JobState>().map_err(|_| QueueError::Corrupt("a job's state"))?;
    let client = client.parse().map_err(|_| QueueError::Corrupt("a job's client"))?;
    let eta_ms = eta.and_then(|eta| eta.parse().ok()).ok_or(QueueError::Corrupt("a job's eta"))?;
    let end = match (state.has_ended(), status, result) {
        (false, ..) => None,
        (true, Some(status), Some(result)) => {
            let status_code = status.parse().map_err(|_| QueueError::Corrupt("a job's status code"))?;
            Some(JobEnd { status_code, result })
        }
        // The result expires with its record, give or take the moment between two keys.
        (true, ..) => return Ok(None),
    };
    Ok(Some(Job { id: id.clone(), client, state, eta_ms, end }))
}
