//! The queue as apalis sees it: a `Backend` whose tasks are deliveries. Background loops fetch, renew, reclaim and
//! promote; apalis polls a channel. Passing errors never reach apalis, because one would end its worker.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend as ApalisBackend, BackendConfig};
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::task_id::{RandomId, TaskId};
use apalis_core::worker::context::WorkerContext;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::QueueConfig;
use crate::redis::RedisError;
use crate::telemetry::metric;

use super::eta::ANNOUNCED_EVERY;
use super::lease::{Lease, Leases};
use super::{Delivery, GROUP, Partition, Queue, QueueError, Settle};

/// Longest wait before the schedule is looked at again: a job put back by another worker may be due before the one
/// this worker knows of.
const SCHEDULE_LOOKED_AT: Duration = Duration::from_millis(500);

/// One worker process as the queue knows it.
pub struct Consumer {
    pub(super) queue: Queue,
    pub(super) name: Arc<str>,
    pub(super) slots: Arc<Semaphore>,
    pub(super) concurrency: usize,
    pub(super) leases: Leases,
    pub(super) stop: CancellationToken,
}

/// A delivery in hand: its lease is renewed and its slot taken until the last clone is dropped.
#[derive(Clone)]
pub struct Held(Arc<Holding>);

struct Holding {
    lease: Lease,
    started: Instant,
    _slot: OwnedSemaphorePermit,
}

impl Held {
    /// The delivery.
    pub fn delivery(&self) -> &Delivery {
        &self.0.lease.delivery
    }

    /// Cancelled when the lease is lost: work on this delivery is to stop.
    pub fn lost(&self) -> &CancellationToken {
        &self.0.lease.lost
    }

    /// How long it has been worked on.
    pub(super) fn run(&self) -> Duration {
        self.0.started.elapsed()
    }
}

/// The source of tasks of one apalis worker.
pub struct Backend {
    consumer: Arc<Consumer>,
    held: mpsc::Receiver<Held>,
    /// Ends the loops that go on while the last jobs finish.
    closed: CancellationToken,
    loops: TaskTracker,
    closing: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Backend {
    /// Starts fetching for a worker with so many slots, until `asked` is cancelled. `name` is unique per process.
    pub fn start(queue: Queue, name: &str, concurrency: usize, asked: &CancellationToken) -> Self {
        let (sender, held) = mpsc::channel(concurrency);
        let (slots, leases) = (Arc::new(Semaphore::new(concurrency)), Leases::default());
        let stop = asked.child_token();
        let consumer = Arc::new(Consumer { queue, name: name.into(), slots, concurrency, leases, stop });
        let (closed, loops) = (CancellationToken::new(), TaskTracker::new());
        let backend = Self { consumer, held, closed, loops, closing: None };
        backend.start_loops(&sender);
        backend
    }

    /// The consumer behind it, for handing back what is left when a stop runs out of time.
    pub fn consumer(&self) -> Arc<Consumer> {
        self.consumer.clone()
    }

    /// Only the loops that bring deliveries hold the channel's sender: when they have ended, so has the channel.
    fn start_loops(&self, sender: &mpsc::Sender<Held>) {
        let partitions: Vec<_> = self.consumer.queue.keys().partitions().collect();
        let consumer = || self.consumer.clone();
        for together in consumer().queue.redis().read_together(&partitions) {
            self.loops.spawn(consumer().fetch(together, sender.clone()));
        }
        self.loops.spawn(consumer().sweep(partitions.clone(), sender.clone()));
        self.loops.spawn(consumer().promote(partitions.clone()));
        self.loops.spawn(consumer().renew(partitions.clone(), self.closed.clone()));
        self.loops.spawn(consumer().announce(partitions));
        self.loops.close();
    }
}

impl Consumer {
    /// Hands back everything still in hand; answers how many. For the end of a stop's patience.
    pub async fn hand_back_rest(&self) -> usize {
        let mut handed_back = 0;
        for delivery in self.leases.all() {
            handed_back += usize::from(self.queue.hand_back(&delivery).await.unwrap_or(false));
        }
        handed_back
    }

    /// Waits until a slot is free and answers how many are.
    pub(super) async fn free_slots(&self) -> usize {
        // Never closed; taken and given back at once.
        drop(self.slots.acquire().await);
        self.slots.available_permits().max(1)
    }

    /// Gives a delivery to apalis once a slot is free.
    pub(super) async fn hand_over(&self, lease: Lease, read_at: Instant, sender: &mpsc::Sender<Held>) {
        // Neither is ever closed while a consumer lives.
        let Ok(slot) = self.slots.clone().acquire_owned().await else { return };
        if lease.delivery.number == 1 {
            note_wait(&lease.delivery, read_at);
        }
        let held = Held(Arc::new(Holding { lease, started: Instant::now(), _slot: slot }));
        let _ = sender.send(held).await;
    }

    /// What can be done about a failed step: a group that is gone is made again, and the step may be repeated at
    /// once (`true`); anything else passes by itself.
    pub(super) async fn recover(&self, error: &QueueError, partitions: &[Partition]) -> bool {
        if !error.is_no_group() {
            return false;
        }
        match self.queue.make_groups(partitions).await {
            Ok(()) => tracing::info!("consumer group made: the queue is new, or was emptied"),
            Err(error) => {
                tracing::warn!(%error, "consumer group not made yet");
                return false;
            }
        }
        true
    }

    /// Rests for about this long; `false` when the stop was asked for meanwhile.
    pub(super) async fn rest(&self, pause: Duration) -> bool {
        let pause = pause.mul_f64(rand::random_range(0.8..1.2));
        self.stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some()
    }

    async fn promote(self: Arc<Self>, partitions: Vec<Partition>) {
        let mut pause = Duration::ZERO;
        while self.rest(pause).await {
            pause = SCHEDULE_LOOKED_AT;
            for partition in &partitions {
                match self.queue.promote(*partition).await {
                    Ok(promoted) if promoted.full => pause = Duration::ZERO,
                    Ok(promoted) => pause = pause.min(promoted.next.unwrap_or(pause)),
                    // Tried again after the pause; the connection layer logs that Redis is away.
                    Err(_) => {}
                }
            }
        }
    }

    async fn renew(self: Arc<Self>, partitions: Vec<Partition>, closed: CancellationToken) {
        let every = self.queue.config().lease / 3;
        while closed.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
            for partition in &partitions {
                // Redis being away is logged where the connection is kept; the next heartbeat tries again.
                let _ = self.queue.renew(*partition, &self.name, &self.leases).await;
            }
        }
    }

    async fn announce(self: Arc<Self>, partitions: Vec<Partition>) {
        loop {
            let leaving = self.stop.is_cancelled();
            for partition in &partitions {
                let workers = self.queue.announce(*partition, &self.name, self.concurrency, leaving).await;
                #[allow(clippy::cast_precision_loss)]
                if let Ok(workers) = workers {
                    metrics::gauge!(metric::WORKERS).set(workers as f64);
                }
            }
            // A leaving worker says so once; then there is nothing left to announce.
            if leaving {
                return;
            }
            let _ = self.stop.run_until_cancelled(tokio::time::sleep(ANNOUNCED_EVERY)).await;
        }
    }
}

impl Queue {
    /// Makes the consumer group where it is missing, at the beginning of the stream: what is in there is unread.
    pub async fn make_groups(&self, partitions: &[Partition]) -> Result<(), QueueError> {
        for partition in partitions {
            let mut command = ::redis::cmd("XGROUP");
            command.arg("CREATE").arg(self.keys().stream(*partition)).arg(GROUP).arg("0").arg("MKSTREAM");
            match self.redis().command::<()>(&command).await {
                Err(RedisError::Refused(error)) if error.code() == Some("BUSYGROUP") => {}
                made => made?,
            }
        }
        Ok(())
    }

    /// Ends the lease of a delivery now, so that the next sweep takes it over.
    pub(super) async fn let_go(&self, delivery: &Delivery) -> Result<(), QueueError> {
        let mut call = self.inner.scripts.let_go.prepare_invoke();
        call.key(self.inner.keys.stream(delivery.partition));
        delivery.fence(&mut call).arg(super::enqueue::millis(self.inner.config.lease));
        let _: String = self.inner.redis.script(&call).await?;
        Ok(())
    }
}

impl QueueError {
    /// The consumer group, and with it every delivery, is gone: `FLUSHALL`, or a restart without persistence.
    pub(super) fn is_no_group(&self) -> bool {
        matches!(self, Self::Redis(RedisError::Refused(error)) if error.to_string().contains("NOGROUP"))
    }
}

/// How long a job waited for its first run, by Redis' clock for the past and ours for the moment since.
fn note_wait(delivery: &Delivery, read_at: Instant) {
    let waited = crate::clock::now_ms().saturating_sub(delivery.accepted_ms);
    let since = read_at.elapsed();
    metrics::histogram!(metric::JOB_WAIT).record((Duration::from_millis(waited) + since).as_secs_f64());
}

impl ApalisBackend for Backend {
    type Task = Task<Held>;
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
                // apalis waits for this before it lets an exhausted worker end.
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
    type Args = Held;
    type Id = RandomId;
    type Kind = Ephemeral;
    type Config = QueueConfig;
    type Layer = Settle;

    fn config(&self) -> &QueueConfig {
        self.consumer.queue.config()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Settle {
        Settle { queue: self.consumer.queue.clone() }
    }
}
