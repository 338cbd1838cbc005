//! The wiring to apalis: deliveries in, verdicts out; what a crash, a time-out, a lost lease and a stop mean to a run.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use apalis::prelude::WorkerBuilder;
use shared::domain::ids::JobId;
use shared::domain::outcome::Refusal;
use shared::queue::{Backend, Consumer, JobDisposition, LeasedJob, Queue};
use shared::runtime::fail_point;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Longest a run may take; shorter than the default lease, so that even without a heartbeat nobody else takes over a
/// job that is still being worked on.
const RUN_LIMIT: Duration = Duration::from_secs(20);

/// How long a stopping worker waits for what runs before it hands the rest back.
const STOP_LIMIT: Duration = Duration::from_secs(25);

/// Wait before a run that took too long is tried again.
const AFTER_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a worker ended that nobody asked to stop.
#[derive(Debug, thiserror::Error)]
pub enum ConsumerError {
    /// The loops that bring deliveries ended.
    #[error("the last consumer ended by itself")]
    Ended,
    /// What drives the jobs panicked.
    #[error("the worker crashed: {0}")]
    Crashed(#[source] tokio::task::JoinError),
    /// apalis gave up.
    #[error("the worker ended: {0}")]
    Worker(#[from] apalis::prelude::WorkerError),
}

/// How a worker takes part in the queue.
#[derive(Clone)]
pub struct WorkerRunner {
    /// The queue.
    pub queue: Queue,
    /// Its name in the consumer group, unique per process.
    pub name: String,
    /// Jobs in flight at once.
    pub concurrency: usize,
}

impl WorkerRunner {
    /// Works until `asked` is cancelled and what runs has ended or was handed back. An end nobody asked for is an
    /// error: a worker without consumers must not look alive.
    pub async fn run<H, F>(self, handler: H, asked: CancellationToken) -> Result<(), ConsumerError>
    where
        H: Fn(LeasedJob) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = JobDisposition> + Send + 'static,
    {
        let backend = Backend::start(self.queue, &self.name, self.concurrency, &asked);
        let consumer = backend.consumer();
        let run = move |held: LeasedJob| {
            let handler = handler.clone();
            async move { run_once(held, handler).await }
        };
        let worker = WorkerBuilder::new(&*self.name).backend(backend).build(run);
        // A task, so that a panic comes out as an error, and so that on a runtime of several threads each step of a job
        // need not wake the one in `block_on`.
        let driven = AbortOnDropHandle::new(tokio::spawn(worker.run()));
        tokio::select! {
            ended = driven => ended.map_err(ConsumerError::Crashed)??,
            () = out_of_patience(&asked) => release_rest(&consumer).await,
        }
        if asked.is_cancelled() { Ok(()) } else { Err(ConsumerError::Ended) }
    }
}

/// A name nobody else has: host, process and a random part, since a process number comes back after a restart.
pub fn unique_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String =
        host.trim().chars().filter(char::is_ascii_graphic).filter(|c| *c != '|').take(48).collect();
    let host = if host.is_empty() { "worker" } else { &host };
    format!("{host}-{}-{}", std::process::id(), &JobId::generate().as_str()[..8])
}

/// One run in a task of its own: a panic ends that task only, and comes out as the error that costs the job a
/// delivery.
async fn run_once<H, F>(held: LeasedJob, handler: H) -> Result<JobDisposition, tokio::task::JoinError>
where
    H: Fn(LeasedJob) -> F + Send + Sync + 'static,
    F: Future<Output = JobDisposition> + Send + 'static,
{
    let lost = held.lost().clone();
    let run = AbortOnDropHandle::new(tokio::spawn(async move {
        fail_point::hit(fail_point::AFTER_FETCH, &held.delivery().message.job).await;
        handler(held).await
    }));
    match lost.run_until_cancelled(timeout(RUN_LIMIT, run)).await {
        None => Ok(JobDisposition::Lost),
        Some(Ok(verdict)) => verdict,
        // Nobody can tell whether a message was submitted, so a send that was begun stays counted.
        Some(Err(_)) => Ok(JobDisposition::RetryLater {
            after: AFTER_TIMEOUT,
            send: None,
            otherwise: Refusal::UpstreamSilent,
        }),
    }
}

async fn out_of_patience(asked: &CancellationToken) {
    asked.cancelled().await;
    tokio::time::sleep(STOP_LIMIT).await;
}

async fn release_rest(consumer: &Arc<Consumer>) {
    let jobs = consumer.release_rest().await;
    tracing::warn!(jobs, "stop took too long: what still ran was handed back");
}
