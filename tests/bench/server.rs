//! What the API is held against: axum with nothing around it, over the same queue.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::routing::{get, patch};
use shared::config::{ApprovalLimits, QueueConfig, RedisConfig, Settings};
use shared::ids::{ApprovalId, JobId, PatientId, RequestId};
use shared::queue::{Enqueued, NewJob, Queue};
use shared::redis::Redis;
use tests::process::{Process, program};
use tokio::net::TcpListener;
use uuid::Uuid;

/// The queue of the environment's settings.
pub(crate) fn queue() -> Queue {
    queue_of(&Settings::load().expect("right settings"))
}

/// The queue of these settings.
pub(crate) fn queue_of(settings: &Settings) -> Queue {
    let redis =
        Redis::new(&RedisConfig::from_settings(settings).expect("right settings")).expect("a right URL");
    Queue::new(redis, QueueConfig::from_settings(settings).expect("right settings"))
}

struct Floor {
    queue: Queue,
    limits: ApprovalLimits,
}

/// The role `floor`.
pub(crate) async fn serve_floor() {
    let settings = Settings::load().expect("right settings");
    let limits = ApprovalLimits::from_settings(&settings).expect("right settings");
    let floor = Arc::new(Floor { queue: queue_of(&settings), limits });
    let app = Router::new()
        .route("/hello", get(async || "hello"))
        .route("/api/patients/{patient}/approvals/{approval}/actions/resend", patch(enqueue))
        .route("/Jobs/{job}", get(read))
        .with_state(floor);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    println!("{}", serde_json::json!({"message": "listening", "address": address.to_string()}));
    axum::serve(listener, app).await.expect("served until killed");
}

async fn enqueue(
    State(floor): State<Arc<Floor>>,
    UrlPath((patient, approval)): UrlPath<(Uuid, Uuid)>,
) -> (StatusCode, String) {
    let job = NewJob {
        patient: PatientId(patient),
        approval: ApprovalId(approval),
        client: "mis-a".parse().expect("a client id"),
        request: RequestId::generate(),
        trace: None,
        idempotency: None,
    };
    match floor.queue.enqueue(&job, &floor.limits).await {
        Ok(Enqueued::Accepted(ticket)) => (StatusCode::ACCEPTED, ticket.job.to_string()),
        other => (StatusCode::SERVICE_UNAVAILABLE, format!("{other:?}")),
    }
}

async fn read(State(floor): State<Arc<Floor>>, UrlPath(job): UrlPath<String>) -> (StatusCode, String) {
    let job: Result<JobId, _> = job.parse();
    match floor.queue.job(&job.expect("a job id")).await {
        Ok(Some(job)) => (StatusCode::OK, job.end.map(|end| end.result).unwrap_or_default()),
        _ => (StatusCode::NOT_FOUND, String::new()),
    }
}

/// Starts this program again in another role.
pub(crate) async fn start_role(
    role: &str,
    settings: &[(String, String)],
    folder: &Path,
) -> (Process, String) {
    // A log of its own: an earlier one would still say where it listened.
    let log = folder.join(format!("{role}-{}.log", Uuid::new_v4().simple()));
    let mut process =
        Process::start(&program("resend-bench"), &["--as".to_owned(), role.to_owned()], settings, &log)
            .expect("this program");
    let address = process.address().await;
    (process, format!("http://{address}"))
}
