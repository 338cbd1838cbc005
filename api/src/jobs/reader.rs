//! Jobs are for the client that made them. Ids that are none, nobody's or somebody else's are not told apart.

use shared::domain::clock;
use shared::domain::ids::{ClientId, JobId};
use shared::domain::job::Job;
use shared::queue::still_ahead;

use crate::responses::error::ApiError;
use crate::state::Api;

/// The id in a segment of the path.
pub(crate) fn job_id(segment: Option<&str>) -> Result<JobId, ApiError> {
    segment.and_then(|segment| segment.parse().ok()).ok_or(ApiError::JobNotFound)
}

/// The job, if this client may read it. What is said of a pending one lies ahead.
pub(crate) async fn owned_job(id: &JobId, client: &ClientId, api: &Api) -> Result<Job, ApiError> {
    let job = api.queue.job(id).await.map_err(|error| api.queue_trouble.refuse(&error))?;
    let mut job = job.filter(|job| job.client == *client).ok_or(ApiError::JobNotFound)?;
    if job.end.is_none() {
        job.eta_ms = still_ahead(job.eta_ms, clock::now_ms());
    }
    Ok(job)
}
