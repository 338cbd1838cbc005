use std::time::Duration;

use reqwest::header::HeaderValue;
use serde_json::{Value, json};

use super::*;
use crate::config::HttpChannelConfig;
use crate::sms::SubmitResult;
use crate::sms::testing::{JOB, LIMIT, message};
use crate::testing::PHONE;
use crate::testing::upstream::{ConnectionEnd, Service, nobody, reply};

const FAILED: SubmitResult = SubmitResult::Indeterminate { silent: false };
const SILENT: SubmitResult = SubmitResult::Indeterminate { silent: true };

async fn submit(url: &str) -> SubmitResult {
    shared::runtime::tls::install_crypto_provider();
    let authorization = Some(HeaderValue::from_static("Bearer secret"));
    let config =
        HttpChannelConfig { url: url.to_owned(), authorization, sender: "eHealth".into(), limit: LIMIT };
    HttpChannel::new(&config, &HttpClient::new().unwrap()).submit(message()).await.result
}

fn taken(id: Option<&str>) -> SubmitResult {
    SubmitResult::Accepted { message_id: id.map(str::to_owned) }
}

#[tokio::test]
async fn a_message_is_posted_as_the_contract_has_it() {
    let service = Service::always(200, &[], r#"{"message_id":"sms-1"}"#).await;
    assert_eq!(submit(&format!("{}/send/", service.url)).await, taken(Some("sms-1")));
    let [request] = &service.seen()[..] else { panic!("one request") };
    assert_eq!(request.path, "/send/");
    assert_eq!(
        serde_json::from_slice::<Value>(&request.body).unwrap(),
        json!({"to": PHONE, "from": "eHealth", "text": "код: 012345", "reference": JOB})
    );
    for (name, value) in [
        ("authorization", "Bearer secret"),
        ("content-type", "application/json"),
        ("idempotency-key", JOB),
        ("x-request-id", "req-1"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ] {
        assert_eq!(request.headers[name], value, "{name}");
    }
}

#[tokio::test]
async fn each_status_says_whether_the_message_was_taken() {
    let busy = SubmitResult::Throttled { retry_after: None };
    for (status, expected) in [
        (200, taken(None)),
        (201, taken(None)),
        (204, taken(None)),
        (400, SubmitResult::Rejected),
        (401, SubmitResult::ChannelUnavailable),
        (402, SubmitResult::ChannelUnavailable),
        (403, SubmitResult::ChannelUnavailable),
        (404, SubmitResult::Rejected),
        (422, SubmitResult::Rejected),
        (429, busy),
        (500, FAILED),
        (502, FAILED),
        (503, FAILED),
        (504, FAILED),
    ] {
        let service = Service::always(status, &[], "").await;
        assert_eq!(submit(&service.url).await, expected, "{status}");
    }
}

#[tokio::test]
async fn the_wait_it_asks_for_is_kept() {
    let seven = Duration::from_secs(7);
    for (status, asked, expected) in [
        (429, "7", SubmitResult::Throttled { retry_after: Some(seven) }),
        (503, "7", SubmitResult::Deferred { retry_after: seven }),
        (503, "0", SubmitResult::Deferred { retry_after: Duration::ZERO }),
        // Only one with a time is believed.
        (503, "soon", FAILED),
        (500, "7", FAILED),
    ] {
        let service = Service::answering(move |_| reply(status, &[("retry-after", asked)], "")).await;
        assert_eq!(submit(&service.url).await, expected, "{status} {asked}");
    }
}

#[tokio::test]
async fn a_success_that_cannot_be_read_leaves_it_open() {
    for body in ["", "{}", r#"{"message_id":null}"#] {
        let service = Service::always(200, &[], body).await;
        assert_eq!(submit(&service.url).await, taken(None), "{body}");
    }
    let long = "x".repeat(65 * 1_024);
    for body in ["<html>", "[]", r#"{"message_id":"#, &long] {
        let service = Service::always(200, &[], body).await;
        assert_eq!(submit(&service.url).await, FAILED);
    }
    for then in [ConnectionEnd::Cut, ConnectionEnd::Hang] {
        let half = Service::breaking("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", then).await;
        assert_eq!(submit(&half.url).await, FAILED, "{then:?}");
    }
}

#[tokio::test]
async fn a_message_id_cannot_forge_a_log_line() {
    for (body, id) in [(r#"{"message_id":17}"#, "17"), (r#"{"message_id":"a\nb ї"}"#, "ab")] {
        let service = Service::always(200, &[], body).await;
        assert_eq!(submit(&service.url).await, taken(Some(id)));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_is_a_refusal() {
    let service = Service::answering(|_| reply(307, &[("location", "/elsewhere")], "")).await;
    assert_eq!(submit(&service.url).await, SubmitResult::Rejected);
    assert_eq!(service.seen().len(), 1);
}

#[tokio::test]
async fn silence_after_the_request_is_told_from_no_connection() {
    let hangs = Service::breaking("", ConnectionEnd::Hang).await;
    let cuts = Service::breaking("", ConnectionEnd::Cut).await;
    let mumbles = Service::breaking("HTTP/1.1 200", ConnectionEnd::Cut).await;
    let babbles = Service::breaking("SSH-2.0-OpenSSH_9.6\r\n", ConnectionEnd::Hang).await;
    for url in [&hangs.url, &cuts.url, &mumbles.url, &babbles.url] {
        assert_eq!(submit(url).await, SILENT);
    }
    let no_handshake = hangs.url.replace("http:", "https:");
    for url in [&nobody().await, "http://gateway.invalid/", &no_handshake] {
        assert_eq!(submit(url).await, SubmitResult::Unreachable, "{url}");
    }
}
