//! Waiting for a job on behalf of a client: for long polls, event streams, and a PATCH that waits for its result.

use std::time::Duration;

use metrics::Gauge;
use shared::domain::ids::{ClientId, JobId};
use shared::domain::job::Job;
use shared::queue::Subscription;
use tokio::time::{Instant, sleep_until};

use super::reader::owned_job;
use crate::middleware::concurrency::{Place, Turn};
use crate::responses::error::ApiError;
use crate::state::Api;

/// One client's wait for one job, until some time.
pub(crate) struct Wait {
    waiter: Subscription,
    until: Instant,
    _place: Place,
    waiting: Gauge,
}

/// Why a wait went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// Something happened to the job.
    Changed,
    /// The time is up.
    TimeUp,
    /// The process stops.
    Stopping,
}

impl Wait {
    /// A wait of at most so long. `None` where too many wait already: then the client is answered at once.
    /// The job is to be read after this, so that its end is not missed.
    pub(crate) fn begin(api: &Api, job: &JobId, limit: Duration) -> Option<Self> {
        let place = api.waits.enter()?;
        let waiting = api.meters.waiting.clone();
        waiting.increment(1);
        let (waiter, until) = (api.waiters.wait_for(job), Instant::now() + limit);
        Some(Self { waiter, until, _place: place, waiting })
    }

    /// Done when there is a reason to look at the job again, or none to wait on.
    pub(crate) async fn woken(&mut self, api: &Api) -> Woken {
        tokio::select! {
            biased;
            () = api.stopping.cancelled() => Woken::Stopping,
            () = self.waiter.woken() => Woken::Changed,
            () = sleep_until(self.until) => Woken::TimeUp,
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.waiting.decrement(1);
    }
}

/// This client's job: once it has ended, or as it stands when the time is up or the process stops.
pub(crate) async fn for_end(
    api: &Api,
    turn: &Turn,
    id: &JobId,
    client: &ClientId,
    limit: Duration,
) -> Result<Job, ApiError> {
    let wait = Wait::begin(api, id, limit);
    let mut job = owned_job(id, client, api).await?;
    let (None, Some(mut wait)) = (&job.end, wait) else { return Ok(job) };
    turn.wait(limit, async {
        loop {
            let woken = wait.woken(api).await;
            if woken == Woken::Stopping {
                return Ok(job);
            }
            job = owned_job(id, client, api).await?;
            if job.end.is_some() || woken == Woken::TimeUp {
                return Ok(job);
            }
        }
    })
    .await
}
