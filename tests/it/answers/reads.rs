//! The answers of the routes that read, and of the check of a code: who is allowed, and what they see.

use std::time::Duration;

use reqwest::{ClientBuilder, Method, StatusCode};
use serde_json::json;
use shared::domain::clock::{now_ms, parse_iso};
use tests::chaos::clock::Clock;
use tests::client::Answer;
use tests::stack::{Stack, StackBuilder};

use super::plain;

const CODE: &str = "/verifications/+380931234585/actions/complete";

/// The three routes besides the PATCH that need a token, with the scope each requires.
fn routes(href: &str) -> [(Method, String, &'static str); 3] {
    [
        (Method::GET, href.to_owned(), "job:read"),
        (Method::GET, format!("{href}/events"), "job:read"),
        (Method::PATCH, CODE.to_owned(), "otp:verify"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_the_client_has_is_answered_304_without_a_body() {
    let stack = Stack::start().await;
    let (patient, approval) = plain();
    let href = stack.client().resend(patient, approval).await.location();
    let ended = stack.client().end_of(&href, Duration::from_secs(10)).await;
    let tag = ended.header("etag").unwrap();
    assert!(tag.starts_with("W/\""), "{tag}");
    for (sent, status) in [(tag, StatusCode::NOT_MODIFIED), ("W/\"another\"", StatusCode::OK)] {
        let again =
            Answer::of(stack.client().request(Method::GET, &href).header("if-none-match", sent)).await;
        assert_eq!((again.status, again.header("etag")), (status, Some(tag)), "{sent}");
        assert_eq!(again.body == json!(""), status == StatusCode::NOT_MODIFIED, "{}", again.body);
    }
    stack.stop().await;
}

/// A length of 0 would be that of a 200, which a cache may then believe (RFC 9110, 8.6).
#[tokio::test(flavor = "multi_thread")]
async fn a_304_has_no_length_over_either_protocol() {
    let stack = StackBuilder::new().workers(0).start().await;
    let (patient, approval) = plain();
    let url = stack.apis[0].url.clone() + &stack.client().resend(patient, approval).await.location();
    for client in [ClientBuilder::new().http1_only(), ClientBuilder::new().http2_prior_knowledge()] {
        let client = client.no_proxy().build().unwrap();
        for method in [Method::GET, Method::HEAD] {
            let request = client.request(method.clone(), &url).bearer_auth("mis-a-token");
            let answer = request.header("if-none-match", "*").send().await.unwrap();
            let found = (answer.status(), answer.headers().get("content-length"));
            assert_eq!(found, (StatusCode::NOT_MODIFIED, None), "{:?} {method}", answer.version());
        }
    }
}

/// The API's own clock is an hour behind the one that made the prediction.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_of_a_pending_job_goes_by_redis_clock() {
    let clock = Clock::new().expect("a C compiler");
    clock.set(3_600);
    let stack = StackBuilder::new().redis_environment(&clock.environment()).start().await;
    stack.workers[0].process.signal("STOP").await;
    let (patient, approval) = plain();
    let accepted = stack.client().resend(patient, approval).await;
    let pending = stack.client().get(&accepted.location()).await;
    for answer in [&accepted, &pending] {
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        let eta_ms = parse_iso(answer.body["data"]["eta"].as_str().unwrap()).unwrap();
        assert!(eta_ms > now_ms() + 3_500_000, "{}", answer.body);
    }
    stack.workers[0].process.signal("CONT").await;
    let ended = stack.client().end_of(&accepted.location(), Duration::from_secs(20)).await;
    let ended_ms = parse_iso(ended.body["data"]["ended_at"].as_str().unwrap()).unwrap();
    assert!(ended_ms > now_ms() + 3_500_000, "{}", ended.body);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_that_read_refuse_who_has_no_token_or_not_their_scope() {
    let stack = StackBuilder::new().workers(0).start().await;
    let (patient, approval) = plain();
    let href = stack.client().resend(patient, approval).await.location();
    for (method, path, scope) in routes(&href) {
        let nobody = Answer::of(stack.client().with_token("nobody").request(method.clone(), &path)).await;
        assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(
            nobody.body["error"],
            json!({"type": "access_denied", "reason": "token_invalid", "message": "Invalid access token"})
        );
        assert!(nobody.header("www-authenticate").unwrap().starts_with("Bearer "));

        let without = Answer::of(stack.client().with_token("read-less-token").request(method, &path)).await;
        assert_eq!(without.status, StatusCode::FORBIDDEN, "{path}");
        let message =
            format!("Your scope does not allow to access this resource. Missing allowances: {scope}");
        assert_eq!(
            without.body["error"],
            json!({"type": "forbidden", "reason": "scope_missing", "message": message})
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_jobs_streams_and_codes_are_503_with_retry_after() {
    let mut stack = StackBuilder::new().workers(0).start().await;
    let (patient, approval) = plain();
    let href = stack.client().resend(patient, approval).await.location();
    stack.redis.kill().await;
    for (method, path, scope) in routes(&href) {
        let token = if scope == "otp:verify" { "otp-token" } else { "mis-a-token" };
        let request =
            stack.client().with_token(token).request(method, &path).json(&json!({"code": "123456"}));
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {}", answer.body);
        assert_eq!(answer.body["error"]["type"], "internal_error");
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=2).contains(&seconds), "{seconds}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_platforms_service_makes_the_codes_there_are_none_to_check() {
    let stack = StackBuilder::new().workers(0).set("RESEND_OTP_KEY", "").start().await;
    let client = stack.client().with_token("otp-token");
    let answer = Answer::of(client.request(Method::PATCH, CODE).json(&json!({"code": "123456"}))).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(
        answer.body["error"],
        json!({"type": "not_found", "reason": "route_unknown", "message": "Not found"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_and_its_page_are_served_without_a_token() {
    let stack = StackBuilder::new().workers(0).start().await;
    let get =
        async |path: &str| stack.client().with_token("").request(Method::GET, path).send().await.unwrap();
    let document = get("/openapi.json").await;
    assert_eq!(document.headers()["content-type"], "application/json");
    assert_eq!(document.text().await.unwrap().trim(), include_str!("../../../api/openapi.json").trim());

    let page = get("/docs/").await;
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    let page = page.text().await.unwrap();
    for part in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
        assert!(page.contains(part), "{part}");
        assert_eq!(get(&format!("/docs/{part}")).await.status(), StatusCode::OK, "{part}");
    }
    assert!(!page.contains("://"), "the page asks no other host");
}
