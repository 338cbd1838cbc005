//! Our backend with a job that does nothing, as a process of its own; and filling the queue for it.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use shared::config::ApprovalLimits;
use shared::ids::{ApprovalId, PatientId, RequestId};
use shared::outcome::{Outcome, Refusal};
use shared::queue::{Enqueued, Held, NewJob, Queue, Verdict};
use tests::eventually::eventually;
use tests::redis_server::RedisServer;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker::consumer::{Consuming, unique_name};

use super::server::queue;

/// Slots of the worker; the default of the service.
const SLOTS: usize = 64;

/// Jobs enqueued at once while a queue is filled.
const AT_ONCE: usize = 256;

/// The role `worker`.
pub(crate) async fn run_noop() {
    println!("{}", serde_json::json!({"message": "listening", "address": "127.0.0.1:0"}));
    let consuming = Consuming { queue: queue(), name: unique_name(), concurrency: SLOTS };
    consuming.run(noop, CancellationToken::new()).await.expect("killed before it ends");
}

/// The job that does nothing.
pub(crate) async fn noop(_: Held) -> Verdict {
    Verdict::End(Outcome::Refused(Refusal::PersonNotFound))
}

/// A job nobody has seen before.
pub(crate) fn fresh() -> NewJob {
    NewJob {
        patient: PatientId(Uuid::new_v4()),
        approval: ApprovalId(Uuid::new_v4()),
        client: "mis-a".parse().expect("a client id"),
        request: RequestId::generate(),
        trace: None,
        idempotency: None,
    }
}

/// Enqueues so many jobs.
pub(crate) async fn fill(queue: &Queue, jobs: usize) {
    let limits = ApprovalLimits { cooldown: Duration::ZERO, per_hour: 0 };
    stream::iter(0..jobs)
        .for_each_concurrent(AT_ONCE, |_| async {
            let enqueued = queue.enqueue(&fresh(), &limits).await.expect("a running Redis");
            assert!(matches!(enqueued, Enqueued::Accepted(_)), "{enqueued:?}");
        })
        .await;
}

/// Waits until the stream is empty; answers how long that took.
pub(crate) async fn drained(server: &RedisServer, start: Instant) -> Duration {
    let mut connection = server.connection().await;
    eventually("the backlog drains", Duration::from_mins(10), || {
        let mut connection = connection.clone();
        async move {
            let left: u64 =
                redis::cmd("XLEN").arg("resend:{0}:stream").query_async(&mut connection).await.ok()?;
            (left == 0).then_some(())
        }
    })
    .await;
    let _: redis::RedisResult<String> = redis::cmd("PING").query_async(&mut connection).await;
    start.elapsed()
}
