//! The stream of a job's events.

use reqwest::{Method, StatusCode};
use serde_json::Value;
use tests::client::{Answer, ApiClient};
use tests::stack::StackBuilder;

use super::accepted;

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_each_status_and_ends_with_the_last() {
    let mut stack = StackBuilder::new().workers(0).start().await;
    let href = accepted(&stack).await;
    let path = format!("{}/events", href.replace("/Jobs/", "/api/jobs/"));
    let stream = stack.client().request(Method::GET, &path).send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    assert_eq!(stream.headers()["cache-control"], "no-store");
    stack.add_worker(&[]).await;
    let text = stream.text().await.unwrap();
    let events: Vec<_> = text.split("\n\n").filter(|event| event.contains("event:")).collect();
    let [pending, processed] = events.as_slice() else { panic!("{text}") };
    let field = |event: &str, name: &str| {
        event.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim_start_matches(": ").to_owned()
    };
    assert_eq!((field(pending, "event"), field(processed, "event")), ("pending".into(), "processed".into()));
    let told: Value = serde_json::from_str(&field(processed, "data")).unwrap();
    let shown = stack.client().get(&href).await;
    assert_eq!(told["data"], shown.body["data"]);

    // A browser that reconnects is told that there are no more events.
    let last = field(processed, "id");
    let again = stack.client().request(Method::GET, &path).header("last-event-id", last);
    assert_eq!(Answer::of(again).await.status, StatusCode::NO_CONTENT);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_trust_in_its_token_and_before_the_result() {
    let mut stack = StackBuilder::new().workers(0).set("RESEND_AUTH_CACHE_SECONDS", 0).start().await;
    let href = accepted(&stack).await;
    let mut stream = stack.client().request(Method::GET, &format!("{href}/events")).send().await.unwrap();
    let pending = stream.chunk().await.unwrap().unwrap();
    assert!(pending.starts_with(b"event: pending"), "{pending:?}");
    let revoke =
        ApiClient::new(&stack.sandbox.url, "").request(Method::DELETE, "/sandbox/tokens/mis-a-token");
    assert!(revoke.send().await.unwrap().status().is_success());
    stack.add_worker(&[]).await;
    assert_eq!(stream.text().await.unwrap(), "");
}
