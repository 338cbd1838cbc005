//! axum + apalis-redis: the two routes and a job that does nothing. Role by argument, Redis by `REDIS_URL`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use apalis::prelude::*;
use apalis_redis::{Config, RedisStorage};
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::routing::{get, patch};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use ulid::Ulid;

type Storage = RedisStorage<Resend>;

#[derive(Serialize, Deserialize)]
struct Resend {
    patient: String,
    approval: String,
    /// When it was sent, in ms; only where pick-up is measured.
    sent: Option<f64>,
}

impl Resend {
    fn fresh(sent: Option<f64>) -> Self {
        Self { patient: Ulid::generate().to_string(), approval: Ulid::generate().to_string(), sent }
    }
}

fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1_000.0
}

async fn storage() -> Storage {
    let url = std::env::var("REDIS_URL").expect("REDIS_URL");
    let connection = apalis_redis::connect(url).await.expect("a running Redis");
    // The heartbeat is also how often an idle worker looks; the default of 30 s would measure nothing else.
    let config =
        Config::default().queue("resend").heartbeat_interval(Duration::from_millis(100)).batch_size(100);
    RedisStorage::new(connection).with_config(config)
}

fn envelope(url: &str, code: u16, status: &str, job: &str) -> Json<Value> {
    let eta = format!("{:.0}", now_ms());
    let data =
        json!({"status": status, "eta": eta, "links": [{"entity": "job", "href": format!("/Jobs/{job}")}]});
    let meta = json!({"code": code, "url": url, "type": "object", "request_id": Ulid::generate().to_string()});
    Json(json!({"data": data, "meta": meta}))
}

async fn accept(
    State(mut storage): State<Storage>,
    OriginalUri(url): OriginalUri,
    Path((patient, approval)): Path<(String, String)>,
) -> (StatusCode, [(HeaderName, String); 2], Json<Value>) {
    let id = Ulid::generate();
    let task = TaskBuilder::new(Resend { patient, approval, sent: None }).task_id(TaskId::from_ulid(id));
    storage.push_task(task.build()).await.expect("a running Redis");
    let headers = [(header::LOCATION, format!("/Jobs/{id}")), (header::RETRY_AFTER, "1".to_owned())];
    (StatusCode::ACCEPTED, headers, envelope(url.path(), 202, "pending", &id.to_string()))
}

async fn show(
    State(mut storage): State<Storage>,
    OriginalUri(url): OriginalUri,
    Path(job): Path<String>,
) -> (StatusCode, Json<Value>) {
    let mut ask = redis::cmd("HGET");
    ask.arg(format!("{}:{job}", storage.get_config().job_meta_hash())).arg("status");
    let status: Option<String> = ask.query_async(storage.get_connection()).await.expect("a running Redis");
    match status.as_deref() {
        None => {
            (StatusCode::NOT_FOUND, Json(json!({"error": {"type": "not_found", "message": "Not found"}})))
        }
        Some("Done") => (StatusCode::OK, envelope(url.path(), 200, "processed", &job)),
        Some(_) => (StatusCode::OK, envelope(url.path(), 200, "pending", &job)),
    }
}

async fn work(job: Resend) {
    if let Some(sent) = job.sent {
        println!("{}", json!({"waited_ms": now_ms() - sent}));
    }
}

async fn serve() {
    let app = Router::new()
        .route("/api/patients/{patient}/approvals/{approval}/actions/resend", patch(accept))
        .route("/Jobs/{job}", get(show))
        .with_state(storage().await);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    println!("{}", json!({"message": "listening", "address": address}));
    axum::serve(listener, app).await.expect("served until killed");
}

async fn run_worker() {
    println!("{}", json!({"message": "listening", "address": "127.0.0.1:0"}));
    let builder = WorkerBuilder::new("peer").backend(storage().await).concurrency(100);
    builder.parallelize(tokio::spawn).build(work).run().await.expect("killed before it ends");
}

/// Jobs enqueued before the worker is started, in the bulk form apalis offers.
async fn fill(mut jobs: usize) {
    let mut storage = storage().await;
    while jobs > 0 {
        let now = jobs.min(500);
        storage.push_bulk((0..now).map(|_| Resend::fresh(None)).collect()).await.expect("a running Redis");
        jobs -= now;
    }
}

/// One job every 20 ms that carries when it was sent.
async fn pickup(jobs: usize) {
    let mut storage = storage().await;
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..jobs {
        tick.tick().await;
        storage.push(Resend::fresh(Some(now_ms()))).await.expect("a running Redis");
    }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let jobs = arguments.get(1).and_then(|jobs| jobs.parse().ok()).unwrap_or(0);
    match arguments.first().map(String::as_str) {
        Some("api") => serve().await,
        Some("worker") => run_worker().await,
        Some("fill") => fill(jobs).await,
        Some("pickup") => pickup(jobs).await,
        _ => eprintln!("one of: api, worker, fill JOBS, pickup JOBS"),
    }
}
