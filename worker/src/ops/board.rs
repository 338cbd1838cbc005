//! The board: the queue in a browser, in pages made on the server that need no script. It is read-only. It shows jobs,
//! clients, requests and workers; never a person, a number, a code or a result.
//!
//! We have our own because apalis-board needs tasks that it can serialise and write back, has no sign-in, and offers to
//! push tasks, while our deliveries are rights that cannot be copied.

mod activity;
mod errors;
mod graph;
mod job;
mod jobs;
mod layout;
mod now;
mod quarantine;
mod sampler;
mod sign_in;
mod workers;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use secrecy::SecretString;
use shared::queue::{Queue, QueueError};

use sampler::Sampler;
use sign_in::SignIn;

/// Only our own style sheet, and images generated from data; no script; not inside another page.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'; \
                      base-uri 'none'";

const STYLE: &str = include_str!("board/style.css");

#[derive(Clone)]
struct Board {
    queue: Queue,
    sampler: Arc<Sampler>,
    sign_in: Arc<SignIn>,
}

impl FromRef<Board> for Arc<SignIn> {
    fn from_ref(board: &Board) -> Self {
        board.sign_in.clone()
    }
}

/// `/board` and the pages below it, behind the token.
pub fn routes(queue: Queue, token: SecretString) -> Router {
    let sampler = Arc::new(Sampler::new(queue.clone()));
    let board = Board { queue, sampler, sign_in: Arc::new(SignIn::new(token)) };
    Router::new()
        .route("/board", get(now::show))
        .route("/board/jobs", get(jobs::show))
        .route("/board/jobs/{job}", get(job::show))
        .route("/board/errors", get(errors::show))
        .route("/board/quarantine", get(quarantine::show))
        .route("/board/workers", get(workers::show))
        .route("/board/activity", get(activity::show))
        .route("/board/style.css", get(style))
        .layer(middleware::from_fn_with_state(board.clone(), sign_in::required))
        .layer(middleware::from_fn(guarded))
        .with_state(board)
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

/// A page that needs Redis while it is away says so; the first page shows the last figures instead.
struct Unavailable;

impl From<QueueError> for Unavailable {
    fn from(_: QueueError) -> Self {
        // The connection layer logs that Redis is away.
        Self
    }
}

impl IntoResponse for Unavailable {
    fn into_response(self) -> Response {
        let page = layout::message(
            "Redis does not answer",
            "This page needs Redis. It is tried again every five seconds.",
        );
        (StatusCode::SERVICE_UNAVAILABLE, page).into_response()
    }
}

async fn guarded(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
