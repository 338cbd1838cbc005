//! The wiring to apalis: deliveries in, dispositions out; how a run reacts to a crash, a time-out, a lost lease and a
//! stop.

mod run_state;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use apalis::prelude::WorkerBuilder;
use shared::queue::{Backend, Consumer, JobDisposition, LeasedJob, Queue};
use shared::runtime::fail_point;
pub use shared::runtime::process_name::unique_name;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

pub use run_state::RunState;

/// Longest a run may take. Its parts have limits of their own, 19 s in all (registry 3 s, slot 4 s, permit 2 s,
/// channels 10 s), so this cuts off only what hangs. It is shorter than the default lease, so that even without a
/// heartbeat no other worker takes over a job that is still being worked on.
const RUN_LIMIT: Duration = Duration::from_secs(22);

/// How long a stopping worker waits for running jobs before it releases the rest.
const STOP_LIMIT: Duration = Duration::from_secs(25);

/// Why a worker ended without being told to stop.
#[derive(Debug, thiserror::Error)]
pub enum ConsumerError {
    /// The loops that fetch deliveries ended.
    #[error("the last consumer ended by itself")]
    Ended,
    /// The task that runs the jobs panicked.
    #[error("the worker crashed: {0}")]
    Crashed(#[source] tokio::task::JoinError),
    /// apalis gave up.
    #[error("the worker ended: {0}")]
    Worker(#[from] apalis::prelude::WorkerError),
}

/// A worker's place in the queue.
#[derive(Clone)]
pub struct WorkerRunner {
    /// The queue.
    pub queue: Queue,
    /// Its name in the consumer group, unique per process.
    pub name: String,
    /// Jobs in flight at once.
    pub concurrency: usize,
}

/// A worker that has started to fetch.
pub struct StartedWorker {
    name: String,
    backend: Backend,
    asked: CancellationToken,
}

impl WorkerRunner {
    /// Starts to fetch, until `asked` is cancelled.
    pub fn start(self, asked: CancellationToken) -> StartedWorker {
        let backend = Backend::start(self.queue.deliveries().clone(), &self.name, self.concurrency, &asked);
        StartedWorker { name: self.name, backend, asked }
    }

    /// Fetches and works, as [`StartedWorker::run`].
    pub async fn run<H, F>(self, handler: H, asked: CancellationToken) -> Result<(), ConsumerError>
    where
        H: Fn(LeasedJob, RunState) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = JobDisposition> + Send + 'static,
    {
        self.start(asked).run(handler).await
    }
}

impl StartedWorker {
    /// The consumer behind it, which knows whether it takes jobs.
    pub fn consumer(&self) -> Arc<Consumer> {
        self.backend.consumer()
    }

    /// Works until told to stop and all running jobs have ended or were released. Any other end is an error: a worker
    /// without consumers must not look alive.
    pub async fn run<H, F>(self, handler: H) -> Result<(), ConsumerError>
    where
        H: Fn(LeasedJob, RunState) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = JobDisposition> + Send + 'static,
    {
        self.run_in_turn(async || (), move |held, state, ()| handler(held, state)).await
    }

    /// The same, but each job first waits for `turn`, in the order of fetching. That wait is not part of the run: it
    /// has no limit, and predictions do not count it.
    pub async fn run_in_turn<W, V, T, H, F>(self, turn: W, handler: H) -> Result<(), ConsumerError>
    where
        W: Fn() -> V + Clone + Send + Sync + 'static,
        V: Future<Output = T> + Send + 'static,
        T: Send + 'static,
        H: Fn(LeasedJob, RunState, T) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = JobDisposition> + Send + 'static,
    {
        let (asked, consumer) = (self.asked, self.backend.consumer());
        let run = move |held: LeasedJob| {
            let (turn, handler) = (turn.clone(), handler.clone());
            async move {
                let Some(turn) = held.lost().run_until_cancelled(turn()).await else {
                    return Ok(JobDisposition::Lost);
                };
                held.begin();
                run_once(held, move |held, state| handler(held, state, turn)).await
            }
        };
        let worker = WorkerBuilder::new(&*self.name).backend(self.backend).build(run);
        // A separate task, so that a panic becomes an error, and so that on a runtime with several threads the steps of
        // a job need not wake the thread in `block_on`.
        let driven = AbortOnDropHandle::new(tokio::spawn(worker.run()));
        tokio::select! {
            ended = driven => ended.map_err(ConsumerError::Crashed)??,
            () = out_of_patience(&asked) => release_rest(&consumer).await,
        }
        if asked.is_cancelled() { Ok(()) } else { Err(ConsumerError::Ended) }
    }
}

/// One run in a separate task: a panic ends only that task, and becomes an error that costs the job a delivery.
async fn run_once<H, F>(held: LeasedJob, handler: H) -> Result<JobDisposition, tokio::task::JoinError>
where
    H: FnOnce(LeasedJob, RunState) -> F + Send + 'static,
    F: Future<Output = JobDisposition> + Send + 'static,
{
    let (lost, state) = (held.lost().clone(), RunState::default());
    let (seen, job) = (state.clone(), held.clone());
    let run = async move {
        fail_point::hit(fail_point::AFTER_FETCH, &held.delivery().message.job).await;
        handler(held, state).await
    };
    let run = AbortOnDropHandle::new(tokio::spawn(run.in_current_span()));
    let ended = lost.run_until_cancelled(timeout(RUN_LIMIT, run)).await;
    job.note(seen.told());
    match ended {
        // Fenced: if another worker has the job by now, nothing is written.
        None => Ok(seen.decided().unwrap_or(JobDisposition::Lost)),
        Some(Ok(ended)) => ended.or_else(|crash| seen.decided().ok_or(crash)),
        Some(Err(_)) => Ok(seen.cut_off()),
    }
}

async fn out_of_patience(asked: &CancellationToken) {
    asked.cancelled().await;
    tokio::time::sleep(STOP_LIMIT).await;
}

async fn release_rest(consumer: &Arc<Consumer>) {
    let jobs = consumer.release_rest().await;
    tracing::warn!(jobs, "stop took too long: jobs that still ran were released");
}
