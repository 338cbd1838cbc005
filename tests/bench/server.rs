//! The baseline of the API: axum with nothing around it, whose handlers make one call of Redis each: the script that
//! stores a job, and the read of one.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::routing::{get, patch};
use redis::Script;
use redis::aio::MultiplexedConnection;
use shared::domain::clock::millis;
use shared::domain::ids::{ApprovalId, ClientId, JobId, PatientId, RequestId};
use shared::domain::message::Message;
use shared::queue::Queue;
use shared::redis::Redis;
use shared::settings::{ApprovalLimits, QueueConfig, RedisConfig, Settings};
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

/// The script with which the queue stores jobs.
const ENQUEUE: &str = concat!(
    include_str!("../../shared/src/redis/prelude.lua"),
    include_str!("../../shared/src/queue/prelude.lua"),
    include_str!("../../shared/src/queue/eta.lua"),
    include_str!("../../shared/src/queue/producer/enqueue.lua")
);

struct BareServer {
    queue: Queue,
    limits: ApprovalLimits,
    script: Script,
    redis: MultiplexedConnection,
}

/// The role `floor`.
pub(crate) async fn serve_bare() {
    let settings = Settings::load().expect("right settings");
    let limits = ApprovalLimits::from_settings(&settings).expect("right settings");
    let url = std::env::var("RESEND_REDIS_URL").expect("the bench names it");
    let client = redis::Client::open(url).expect("a right URL");
    let redis = client.get_multiplexed_async_connection().await.expect("a running Redis");
    let floor = BareServer { queue: queue_of(&settings), limits, script: Script::new(ENQUEUE), redis };
    let app = Router::new()
        .route("/hello", get(async || "hello"))
        .route("/api/patients/{patient}/approvals/{approval}/actions/resend", patch(enqueue))
        .route("/Jobs/{job}", get(read))
        .with_state(Arc::new(floor));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    println!("{}", serde_json::json!({"message": "listening", "address": address.to_string()}));
    axum::serve(listener, app).await.expect("served until killed");
}

async fn enqueue(
    State(floor): State<Arc<BareServer>>,
    UrlPath((patient, approval)): UrlPath<(Uuid, Uuid)>,
) -> (StatusCode, String) {
    match floor.enqueue(patient, approval).await {
        Ok(job) => (StatusCode::ACCEPTED, job),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

impl BareServer {
    /// One call for one job, as anybody would write it; returns the job's id.
    async fn enqueue(&self, patient: Uuid, approval: Uuid) -> redis::RedisResult<String> {
        let (keys, config, limits) = (self.queue.keys(), self.queue.config(), &self.limits);
        let (job, client): (_, ClientId) = (JobId::generate(), "mis-a".parse().expect("a client id"));
        let request = RequestId::generate();
        let (patient, of) = (PatientId(patient), ApprovalId(approval));
        let message = Message { job: job.clone(), patient, approval: of, request, client: None, trace: None };
        let mut call = self.script.prepare_invoke();
        call.key(keys.stream())
            .key(keys.live())
            .key(keys.eta())
            .key(keys.scheduled())
            .key(keys.job(&job))
            .key(keys.patient(&patient))
            .key(keys.client_jobs(&client))
            .arg(1)
            .arg(millis(config.deadline))
            .arg(millis(config.retention))
            .arg(keys.job_prefix())
            .arg(0)
            .arg(0)
            .arg(job.as_str())
            .arg(message.encode().expect("ids are JSON"))
            .arg(of.to_string())
            .arg(client.as_str())
            .arg(patient.to_string())
            .arg(millis(limits.cooldown))
            .arg(limits.per_hour)
            .arg(limits.jobs_per_client_minute)
            .arg(0);
        let mut redis = self.redis.clone();
        let rows: Vec<(String, String, f64, u64)> = call.invoke_async(&mut redis).await?;
        assert_eq!(rows[0].0, "accepted");
        Ok(job.to_string())
    }
}

async fn read(State(floor): State<Arc<BareServer>>, UrlPath(job): UrlPath<String>) -> (StatusCode, String) {
    let job: Result<JobId, _> = job.parse();
    match floor.queue.job_store().job(&job.expect("a job id")).await {
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
    // A separate log, because an earlier one would still contain the old address.
    let log = folder.join(format!("{role}-{}.log", Uuid::new_v4().simple()));
    let mut process =
        Process::start(&program("resend-bench"), &["--as".to_owned(), role.to_owned()], settings, &log)
            .expect("this program");
    let address = process.address().await;
    (process, format!("http://{address}"))
}
