//! The queue as apalis sees it: a `Backend` whose tasks are deliveries. The consumer's loops fetch, renew, reclaim and
//! promote; apalis polls a channel. Transient errors never reach apalis, because one would end its worker.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend as ApalisBackend, BackendConfig};
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::task_id::{RandomId, TaskId};
use apalis_core::worker::context::WorkerContext;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ack::AckLayer;
use super::deliveries::Deliveries;
use super::leased_job::LeasedJob;
use super::process::Consumer;
use crate::queue::error::QueueError;
use crate::settings::QueueConfig;

/// The task source of one apalis worker.
pub struct Backend {
    consumer: Arc<Consumer>,
    held: mpsc::Receiver<LeasedJob>,
    /// Ends the loops that go on while the last jobs finish.
    closed: CancellationToken,
    loops: TaskTracker,
    closing: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Backend {
    /// Starts fetching for a worker with this many slots, until `asked` is cancelled. `name` is unique per process.
    pub fn start(deliveries: Deliveries, name: &str, concurrency: usize, asked: &CancellationToken) -> Self {
        let (sender, held) = mpsc::channel(concurrency);
        let consumer = Arc::new(Consumer::new(deliveries, name, concurrency, asked.child_token()));
        let (closed, loops) = (CancellationToken::new(), TaskTracker::new());
        let backend = Self { consumer, held, closed, loops, closing: None };
        backend.start_loops(&sender);
        backend
    }

    /// The consumer behind it, to release what is left when a stop runs out of time.
    pub fn consumer(&self) -> Arc<Consumer> {
        self.consumer.clone()
    }

    /// Only the fetching loops hold the channel's sender: when they end, the channel closes.
    fn start_loops(&self, sender: &mpsc::Sender<LeasedJob>) {
        let consumer = || self.consumer.clone();
        self.loops.spawn(consumer().fetch(sender.clone()));
        self.loops.spawn(consumer().sweep(sender.clone()));
        self.loops.spawn(consumer().promote());
        self.loops.spawn(consumer().renew(self.closed.clone()));
        self.loops.spawn(consumer().announce());
        self.loops.close();
    }
}

impl ApalisBackend for Backend {
    type Task = Task<LeasedJob>;
    type Error = QueueError;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), QueueError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, QueueError>>> {
        match self.held.poll_recv(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(held)) => {
                let id = TaskId::from_string(held.delivery().message.job.as_str());
                Poll::Ready(Some(Ok(TaskBuilder::new(held).task_id(id).build())))
            }
            Poll::Ready(None) => {
                // apalis waits for this before it ends an exhausted worker.
                let _ = worker.stop();
                Poll::Ready(None)
            }
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), QueueError>> {
        let closing = self.closing.get_or_insert_with(|| {
            self.closed.cancel();
            let loops = self.loops.clone();
            Box::pin(async move { loops.wait().await })
        });
        closing.as_mut().poll(cx).map(Ok)
    }
}

impl BackendConfig for Backend {
    type Args = LeasedJob;
    type Id = RandomId;
    type Kind = Ephemeral;
    type Config = QueueConfig;
    type Layer = AckLayer;

    fn config(&self) -> &QueueConfig {
        &self.consumer.deliveries.core.config
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> AckLayer {
        AckLayer { deliveries: self.consumer.deliveries.clone() }
    }
}
