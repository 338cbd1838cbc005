//! A queue on its own Redis: the basis of the tests of its scripts.

use std::time::Duration;

use shared::domain::ids::{ApprovalId, ClientId, JobId, PatientId, RequestId};
use shared::domain::job::{Job, JobState};
use shared::domain::message::Message;
use shared::domain::outcome::{Outcome, Refusal};
use shared::queue::{
    AcceptedJob, Delivery, Enqueued, Finished, GROUP, JobDisposition, NewJob, PutBack, Queue,
};
use shared::redis::Redis;
use shared::sending::guard::{SendDecision, SendGuard};
use shared::sending::phone_names::PhoneNames;
use shared::settings::{ApprovalLimits, MessageLimits, QueueConfig, RedisConfig, Settings};
use tests::eventually::eventually;
use tests::keys::keys;
use tests::redis_server::RedisServer;
use tests::temp_dir::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker::runner::{WorkerRunner, unique_name};

/// The run of a job that ends.
pub(crate) const RUN: Duration = Duration::from_millis(20);

/// What a read answers: streams, their entries, and the fields of each.
pub(crate) type Streams = Vec<(String, Vec<(String, Vec<String>)>)>;

/// A queue, its Redis, and its limits.
pub(crate) struct TestQueue {
    /// The server.
    pub(crate) server: RedisServer,
    /// The queue.
    pub(crate) queue: Queue,
    limits: ApprovalLimits,
    guard: SendGuard,
    _temp_dir: TempDir,
}

/// Whether a delivery may send, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SendStart {
    Go,
    Late,
    Exhausted,
    Lost,
}

impl TestQueue {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(pairs: &[(&str, &str)]) -> Self {
        let temp_dir = TempDir::new().unwrap();
        let server = RedisServer::start(temp_dir.path()).await;
        let url = server.url();
        let settings = pairs.iter().copied().chain([("RESEND_REDIS_URL", url.as_str())]);
        let settings = Settings::from_pairs(settings).unwrap();
        let redis = Redis::new(&RedisConfig::from_settings(&settings).unwrap()).unwrap();
        let queue = Queue::new(redis, QueueConfig::from_settings(&settings).unwrap());
        queue.deliveries().make_group().await.unwrap();
        let limits = ApprovalLimits::from_settings(&settings).unwrap();
        let names = PhoneNames::new([&vec![1; 32].into()]);
        let guard = SendGuard::new(&no_limits(), names, queue.clone());
        Self { server, queue, limits, guard, _temp_dir: temp_dir }
    }

    pub(crate) async fn enqueue(&self, job: &NewJob) -> Enqueued {
        self.queue.producer().enqueue(job, &self.limits).await.unwrap()
    }

    /// The limits it is asked under.
    pub(crate) fn limits(&self) -> &ApprovalLimits {
        &self.limits
    }

    pub(crate) async fn accept(&self, job: &NewJob) -> AcceptedJob {
        match self.enqueue(job).await {
            Enqueued::Accepted(ticket) => ticket,
            other => panic!("not accepted: {other:?}"),
        }
    }

    /// Reads the next entry as a worker would.
    pub(crate) async fn deliver(&self, consumer: &str) -> Delivery {
        let read = ["XREADGROUP", "GROUP", GROUP, consumer, "COUNT", "1", "STREAMS", &keys().stream(), ">"];
        let answer: Streams = self.server.command(&read).await;
        first_of(&answer, consumer)
    }

    /// Asks for a permit to send, without limits on messages and without a code.
    pub(crate) async fn begin_send(&self, delivery: &Delivery) -> SendStart {
        match self.guard.ask(delivery, &"+380200000001".parse().unwrap(), None).await.unwrap() {
            SendDecision::Granted(_) => SendStart::Go,
            SendDecision::Late => SendStart::Late,
            SendDecision::Exhausted => SendStart::Exhausted,
            SendDecision::Lost => SendStart::Lost,
            SendDecision::LimitReached(reached) => panic!("{reached:?}"),
        }
    }

    /// Ends the job of a delivery: it is refused.
    pub(crate) async fn end(&self, delivery: &Delivery) -> Finished {
        self.queue.deliveries().finish(delivery, &refused(), RUN).await.unwrap()
    }

    /// Schedules the job of a delivery to be tried again after this time.
    pub(crate) async fn put_back(&self, delivery: &Delivery, after: Duration) -> PutBack {
        self.queue.deliveries().retry_later(delivery, after, None, "upstream_failed").await.unwrap()
    }

    /// A job that must exist.
    pub(crate) async fn job(&self, id: &JobId) -> Job {
        self.queue.job_store().job(id).await.unwrap().unwrap()
    }

    /// How many entries are in the stream.
    pub(crate) async fn entries(&self) -> u64 {
        self.server.command(&["XLEN", &keys().stream()]).await
    }

    /// Entry, consumer, ms since it was delivered, and delivery number of all that is pending.
    pub(crate) async fn pending(&self) -> Vec<(String, String, u64, u64)> {
        self.server.command(&["XPENDING", &keys().stream(), GROUP, "-", "+", "10"]).await
    }

    /// How many approvals have a live job.
    pub(crate) async fn live(&self) -> u64 {
        self.server.command(&["HLEN", &keys().live()]).await
    }

    /// Runs a worker that refuses every job, until a condition holds.
    pub(crate) async fn work_until<T, F: Future<Output = Option<T>>>(&self, look: impl FnMut() -> F) -> T {
        let stop = CancellationToken::new();
        let worker = WorkerRunner { queue: self.queue.clone(), name: unique_name(), concurrency: 8 };
        let working = tokio::spawn(worker.run(|_, _| async { JobDisposition::End(refused()) }, stop.clone()));
        let found = eventually("a worker brings it about", Duration::from_secs(20), look).await;
        stop.cancel();
        working.await.unwrap().unwrap();
        found
    }

    /// Makes another worker take over the entry.
    pub(crate) async fn take_over(&self, delivery: &Delivery, consumer: &str) -> Delivery {
        let claim = ["XCLAIM", &keys().stream(), GROUP, consumer, "0", &delivery.entry];
        let _: redis::Value = self.server.command(&claim).await;
        Delivery { consumer: consumer.into(), number: delivery.number + 1, ..delivery.clone() }
    }

    pub(crate) async fn state(&self, delivery: &Delivery) -> JobState {
        self.job(&delivery.message.job).await.state
    }
}

/// The first entry that was read, as its delivery to this consumer.
pub(crate) fn first_of(read: &Streams, consumer: &str) -> Delivery {
    let (entry, fields) = read[0].1[0].clone();
    assert_eq!((fields[0].as_str(), fields[2].as_str()), ("m", "at"));
    let message = Message::decode(fields[1].as_bytes()).unwrap();
    let accepted_ms = fields[3].parse().unwrap();
    Delivery { message, accepted_ms, entry, consumer: consumer.into(), number: 1 }
}

fn no_limits() -> MessageLimits {
    MessageLimits {
        per_phone_hour: 0,
        per_phone_day: 0,
        per_patient_day: 0,
        per_client_minute: 0,
        total_minute: 0,
    }
}

pub(crate) fn job() -> NewJob {
    job_of("mis-a", Uuid::new_v4())
}

pub(crate) fn job_of(client: &str, approval: Uuid) -> NewJob {
    NewJob {
        patient: PatientId(Uuid::new_v4()),
        approval: ApprovalId(approval),
        client: client.parse::<ClientId>().unwrap(),
        request: RequestId::generate(),
        trace: None,
        idempotency: None,
    }
}

pub(crate) fn refused() -> Outcome {
    Outcome::Refused(Refusal::PersonNotFound)
}
