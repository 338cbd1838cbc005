//! What can be asked of the routes without Redis and without an authorization server, and what the document says of them.

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};
use shared::queue::Gauges;
use shared::runtime::http::Connection;
use tower::ServiceExt;

use super::*;

mod document;

const PATH: &str = "/api/patients/aff00bf6-68bf-4b49-b66d-f031d48922b3/approvals/d5a5d991-0bf7-476f-b3cf-bec73f044b2e/actions/resend";

fn service() -> Router {
    let app = AppState::unconnected();
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    let health = Health::new(app.readiness.clone(), metrics, Gauges::new(app.queue.operator().clone()));
    router(&app, Some(health))
}

async fn call_from(
    connection: Connection,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Response<Body> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .extension(connection)
        .header("x-request-id", "req-1")
        .header("host", "example.com");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    service().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn call(method: &str, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    call_from(Connection::for_tests(), method, path, headers).await
}

async fn body(response: Response<Body>) -> Value {
    serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap()
}

fn error(code: u16, kind: &str, (reason, message): (&str, &str), url: &str) -> Value {
    json!({
        "error": {"type": kind, "reason": reason, "message": message},
        "meta": {"code": code, "url": format!("http://example.com{url}"), "type": "object", "request_id": "req-1"},
    })
}

#[tokio::test]
async fn an_unknown_route_is_a_404_in_the_envelope() {
    for path in
        ["/", "/nothing", "/Jobs", "/Jobs/", "/Jobs/a/b", "/api/patients/1/approvals/2", "/docs/nothing"]
    {
        let response = call("GET", path, &[]).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(body(response).await, error(404, "not_found", ("route_unknown", "Not found"), path));
    }
}

#[tokio::test]
async fn a_method_the_route_lacks_is_a_405_that_names_those_it_has() {
    for (method, path, allow) in
        [("POST", PATH, "PATCH"), ("GET", PATH, "PATCH"), ("PUT", "/jobs/1", "GET,HEAD")]
    {
        let response = call(method, path, &[]).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()["allow"], allow);
        let message = ("method_unsupported", "Method is not allowed for this resource");
        assert_eq!(body(response).await, error(405, "method_not_allowed", message, path));
    }
}

#[tokio::test]
async fn without_a_token_every_route_of_the_contract_is_a_401_with_a_challenge() {
    for (method, path) in [("PATCH", PATH), ("GET", "/Jobs/1"), ("GET", "/jobs/1"), ("GET", "/api/jobs/1")] {
        let response =
            call(method, path, &[("x-consumer-id", "u"), ("x-consumer-scope", "approval:create")]).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()["www-authenticate"], "Bearer realm=\"eHealth\"");
        assert_eq!(
            body(response).await,
            error(401, "access_denied", ("token_invalid", "Invalid access token"), path)
        );
    }
}

#[tokio::test]
async fn while_nobody_vouches_for_tokens_the_answer_is_503() {
    let response = call("PATCH", PATH, &[("authorization", "Bearer a")]).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(["1", "2"].iter().any(|seconds| response.headers()["retry-after"] == *seconds));
    assert_eq!(body(response).await["error"]["reason"], "auth_unavailable");
}

#[tokio::test]
async fn a_head_over_the_limits_is_refused_in_the_envelope() {
    let many: Vec<(&str, &str)> = vec![("x-filler", "a"); 64];
    let long = "a".repeat(16 * 1024);
    for headers in [&many[..], &[("x-filler", &long)]] {
        let response = call("GET", "/Jobs/1", headers).await;
        assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        assert_eq!(body(response).await["error"]["type"], "request_too_large");
    }
    let response = call("GET", &format!("/Jobs/{}", "a".repeat(8 * 1024)), &[]).await;
    assert_eq!(response.status(), StatusCode::URI_TOO_LONG);
}

#[tokio::test]
async fn every_answer_is_marked_and_none_is_stored() {
    for path in ["/healthz", "/nothing", "/Jobs/1"] {
        let response = call("GET", path, &[]).await;
        assert_eq!(response.headers()["x-request-id"], "req-1");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }
}

#[tokio::test]
async fn health_needs_nobody_and_readiness_needs_a_start() {
    assert_eq!(call("GET", "/healthz", &[]).await.status(), StatusCode::OK);
    assert_eq!(call("GET", "/readyz", &[]).await.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_connection_too_many_is_answered_503() {
    let mut excess = Connection::for_tests();
    excess.is_excess = true;
    let response = call_from(excess, "GET", "/healthz", &[]).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body(response).await["error"]["reason"], "overloaded");
}

#[tokio::test]
async fn an_error_of_a_head_has_no_body() {
    for path in ["/nothing", "/Jobs/1", PATH] {
        let (head, get) = (call("HEAD", path, &[]).await, call("GET", path, &[]).await);
        assert_eq!((head.status(), head.headers()), (get.status(), get.headers()), "{path}");
        assert!(to_bytes(head.into_body(), usize::MAX).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn the_viewer_is_served_whole_under_a_policy_of_its_own() {
    assert_eq!(call("GET", "/docs", &[]).await.headers()["location"], "/docs/");
    for file in
        ["/docs/", "/docs/swagger-initializer.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"]
    {
        let response = call("GET", file, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{file}");
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("script-src 'self';"), "{policy}");
    }
    let initializer = call("GET", "/docs/swagger-initializer.js", &[]).await;
    let text = to_bytes(initializer.into_body(), usize::MAX).await.unwrap();
    assert!(String::from_utf8_lossy(&text).contains("/openapi.json"));
}
