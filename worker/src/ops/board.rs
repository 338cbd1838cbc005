//! The board: what `resendctl stats --watch` shows, for a browser. It only looks, and it names jobs, clients and workers,
//! never a person, a number, a code or a result.
//!
//! It is a page of our own: apalis-board wants tasks it can serialise and write back, has no sign-in, and offers to push
//! tasks, while our deliveries are rights that cannot be copied.

mod page;
mod sign_in;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Router, extract::FromRef};
use secrecy::SecretString;
use shared::queue::Queue;
use tokio::sync::Mutex;

use super::figures::{Figures, look};

/// Failures and quarantined entries shown.
const SHOWN: usize = 20;

/// No script, nothing from elsewhere, not inside another page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

#[derive(Clone)]
struct Board {
    queue: Queue,
    /// The look before, whoever asked for it: rates come from two.
    before: Arc<Mutex<Option<Figures>>>,
    token: Arc<SecretString>,
}

impl FromRef<Board> for Arc<SecretString> {
    fn from_ref(board: &Board) -> Self {
        board.token.clone()
    }
}

/// `/board`, behind the token.
pub fn routes(queue: Queue, token: SecretString) -> Router {
    let board = Board { queue, before: Arc::default(), token: Arc::new(token) };
    Router::new()
        .route("/board", get(show))
        .layer(middleware::from_fn_with_state(board.clone(), sign_in::required))
        .layer(middleware::from_fn(guarded))
        .with_state(board)
}

async fn show(State(board): State<Board>) -> Response {
    match look_at(&board).await {
        Ok(page) => Html(page).into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "redis does not answer\n").into_response(),
    }
}

async fn look_at(board: &Board) -> Result<String, shared::queue::QueueError> {
    let mut before = board.before.lock().await;
    let now = look(&board.queue, before.as_ref()).await?;
    let failures = board.queue.failed_jobs(SHOWN, |_| true).await?;
    let quarantined = board.queue.quarantined(SHOWN).await?;
    let page = page::render(&now, &failures, &quarantined);
    *before = Some(now);
    Ok(page)
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
