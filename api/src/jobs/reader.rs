//! Only the client that created a job may read it. Malformed, unknown and foreign ids are not told apart.

use shared::domain::ids::{ClientId, JobId};
use shared::domain::job::Job;
use shared::queue::{JobStore, still_ahead};

use super::errors::refusal;
use crate::responses::error::ApiError;

/// A client's view of the jobs in the queue.
#[derive(Clone)]
pub(crate) struct JobReader(JobStore);

/// A job as read at one moment.
pub(crate) struct ReadJob {
    /// The job; the predicted end of a pending one is in the future.
    pub(crate) job: Job,
    /// The time of the read by Redis' clock, milliseconds since the epoch.
    pub(crate) now_ms: u64,
}

impl JobReader {
    pub(crate) fn new(store: JobStore) -> Self {
        Self(store)
    }

    /// The job, if this client may read it.
    pub(crate) async fn owned(&self, id: &JobId, client: &ClientId) -> Result<ReadJob, ApiError> {
        let job = self.0.job(id).await.map_err(|error| refusal(&error))?;
        let mut job = job.filter(|job| job.client == *client).ok_or(ApiError::JobNotFound)?;
        let now_ms = job.now_ms;
        if job.end.is_none() {
            job.eta_ms = still_ahead(job.eta_ms, now_ms);
        }
        Ok(ReadJob { job, now_ms })
    }
}
