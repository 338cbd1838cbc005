//! The stack around handlers that do what none of ours does.

use std::future::pending;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use shared::runtime::http::Connection;
use tower::ServiceExt;

use super::*;

async fn ask(app: &AppState, path: &str) -> Response {
    let handlers = Router::new()
        .route("/panics", get(async || -> &'static str { panic!("on purpose") }))
        .route("/stalls", get(pending::<&'static str>));
    let router = around_all(around_work(handlers, app).with_state(app.clone()), app);
    let request = Request::builder()
        .uri(path)
        .extension(Connection::for_tests())
        .header("host", "example.com")
        .header("x-request-id", "req-1");
    router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn body(response: Response) -> Value {
    serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_panic_is_a_500_in_the_envelope() {
    let response = ask(&AppState::unconnected(), "/panics").await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let message = "The request could not be processed";
    assert_eq!(
        body(response).await,
        json!({
            "error": {"type": "internal_error", "reason": "internal", "message": message},
            "meta": {"code": 500, "url": "http://example.com/panics", "type": "object", "request_id": "req-1"},
        })
    );
}

#[tokio::test]
async fn a_request_past_its_deadline_is_answered_503_and_frees_its_permit() {
    let app = AppState::unconnected();
    let response = ask(&app, "/stalls").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(body(response).await["error"]["reason"], "overloaded");
    let permits: Vec<_> = std::iter::from_fn(|| app.limits.in_flight.acquire()).collect();
    assert_eq!(permits.len(), 4_096);
}
