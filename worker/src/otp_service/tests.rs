use serde_json::{Value, json};

use super::*;
use crate::testing::upstream::{ConnectionEnd, Service, nobody};
use crate::testing::{PHONE, origin};

/// Longer than the limit on connecting, so that either shows.
const LIMIT: Duration = Duration::from_millis(1_500);

async fn start(url: &str) -> SubmitResult {
    shared::runtime::tls::install_crypto_provider();
    let service =
        OtpService::new(&OtpServiceConfig { url: url.to_owned(), limit: LIMIT }, &HttpClient::new().unwrap());
    service.start(&PHONE.parse().unwrap(), origin(), &SendHistory::NONE).await
}

#[tokio::test]
async fn a_verification_is_started_as_the_contract_has_it() {
    let answer = json!({"data": {"id": "v-1", "status": "new", "code_expired_at": "2026-01-01T00:00:00Z", "active": true}});
    let service = Service::always(201, &[], &answer.to_string()).await;
    assert_eq!(start(&service.url).await, SubmitResult::Accepted { message_id: Some("v-1".into()) });
    let [request] = &service.seen()[..] else { panic!("one request") };
    assert_eq!(request.path, "/verifications");
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), json!({"phone_number": PHONE}));
    assert_eq!(request.headers["x-request-id"], "req-1");
}

#[tokio::test]
async fn each_status_says_whether_a_code_was_sent() {
    let failed = SubmitResult::Indeterminate { silent: false };
    for (status, expected) in [
        (201, failed.clone()),
        (302, SubmitResult::Rejected),
        (400, SubmitResult::Rejected),
        (401, SubmitResult::ChannelUnavailable),
        (422, SubmitResult::Rejected),
        (429, SubmitResult::Throttled { retry_after: None }),
        (500, failed.clone()),
        (502, failed.clone()),
        (503, failed.clone()),
        (504, failed),
    ] {
        let service = Service::always(status, &[], "<html>").await;
        assert_eq!(start(&service.url).await, expected, "{status}");
    }
}

#[tokio::test]
async fn its_own_limit_says_until_when() {
    let service = Service::always(429, &[("retry-after", "30")], "{}").await;
    let retry_after = Some(Duration::from_secs(30));
    assert_eq!(start(&service.url).await, SubmitResult::Throttled { retry_after });
}

#[tokio::test]
async fn a_503_is_not_believed_since_it_sends_while_it_is_asked() {
    let service = Service::always(503, &[("retry-after", "1")], "{}").await;
    assert_eq!(start(&service.url).await, SubmitResult::Indeterminate { silent: false });
}

#[tokio::test]
async fn silence_after_the_request_is_told_from_no_connection() {
    assert_eq!(start(&nobody().await).await, SubmitResult::Unreachable);
    for then in [ConnectionEnd::Cut, ConnectionEnd::Hang] {
        let service = Service::breaking("", then).await;
        assert_eq!(start(&service.url).await, SubmitResult::Indeterminate { silent: true }, "{then:?}");
    }
}
