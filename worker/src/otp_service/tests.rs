use serde_json::{Value, json};

use super::*;
use crate::testing::upstream::{Service, Then, nobody};
use crate::testing::{PHONE, origin};

/// Longer than the limit on connecting, so that either shows.
const LIMIT: Duration = Duration::from_millis(1_500);

async fn start(url: &str) -> Result<SubmitResult, Limited> {
    shared::runtime::tls::install_crypto_provider();
    let service = OtpService::new(&OtpServiceConfig { url: url.to_owned(), limit: LIMIT }).unwrap();
    service.start(&PHONE.parse().unwrap(), origin()).await
}

#[tokio::test]
async fn a_verification_is_started_as_the_contract_has_it() {
    let answer = json!({"data": {"id": "v-1", "status": "new", "code_expired_at": "2026-01-01T00:00:00Z", "active": true}});
    let service = Service::always(201, &[], &answer.to_string()).await;
    assert_eq!(start(&service.url).await, Ok(SubmitResult::Accepted { message_id: Some("v-1".into()) }));
    let [request] = &service.seen()[..] else { panic!("one request") };
    assert_eq!(request.path, "/verifications");
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), json!({"phone_number": PHONE}));
    assert_eq!(request.headers["x-request-id"], "req-1");
}

#[tokio::test]
async fn each_status_says_whether_a_code_was_sent() {
    let taken = SubmitResult::Accepted { message_id: None };
    for (status, expected) in [
        (200, Ok(taken.clone())),
        (201, Ok(taken)),
        (302, Ok(SubmitResult::Rejected)),
        (400, Ok(SubmitResult::Rejected)),
        (401, Ok(SubmitResult::Rejected)),
        (422, Ok(SubmitResult::Rejected)),
        (429, Err(Limited { retry_after: None })),
        (500, Ok(SubmitResult::Failed)),
        (502, Ok(SubmitResult::Failed)),
        (503, Ok(SubmitResult::Throttled { retry_after: None })),
        (504, Ok(SubmitResult::Failed)),
    ] {
        let service = Service::always(status, &[], "<html>").await;
        assert_eq!(start(&service.url).await, expected, "{status}");
    }
}

#[tokio::test]
async fn its_own_limit_says_until_when() {
    let service = Service::always(429, &[("retry-after", "30")], "{}").await;
    assert_eq!(start(&service.url).await, Err(Limited { retry_after: Some(Duration::from_secs(30)) }));
}

#[tokio::test]
async fn silence_after_the_request_is_told_from_no_connection() {
    assert_eq!(start(&nobody().await).await, Ok(SubmitResult::Unreachable));
    for then in [Then::Cut, Then::Hang] {
        let service = Service::breaking("", then).await;
        assert_eq!(start(&service.url).await, Ok(SubmitResult::Unanswered), "{then:?}");
    }
}
