use reqwest::header::HeaderValue;
use serde_json::Value;

use super::*;
use crate::sms::SubmitResult;
use crate::sms::testing::{JOB, LIMIT, message};
use crate::testing::upstream::{ConnectionEnd, Service, nobody};

const FAILED: SubmitResult = SubmitResult::Indeterminate { silent: false };
const SILENT: SubmitResult = SubmitResult::Indeterminate { silent: true };

async fn submit(url: &str) -> SubmitResult {
    shared::runtime::tls::install_crypto_provider();
    let authorization = Some(HeaderValue::from_static("Bearer secret"));
    let config =
        HttpChannelConfig { url: url.to_owned(), authorization, sender: "eHealth".into(), limit: LIMIT };
    TurboSms::new(&config, &HttpClient::new().unwrap()).submit(message()).await.result
}

/// What the gateway says with these codes, for the request and for the recipient.
async fn answered(request: i64, recipient: Option<i64>) -> SubmitResult {
    let result = recipient.map(|code| json!([{"response_code": code, "message_id": "t-1"}]));
    let said = json!({"response_code": request, "response_status": "X", "response_result": result});
    submit(&Service::always(200, &[], &said.to_string()).await.url).await
}

#[tokio::test]
async fn a_message_is_posted_with_the_job_as_its_sequence_id() {
    let said = json!({"response_code": 800, "response_result": [{"response_code": 0, "message_id": "t-1"}]});
    let service = Service::always(200, &[], &said.to_string()).await;
    assert_eq!(submit(&service.url).await, SubmitResult::Accepted { message_id: Some("t-1".into()) });
    let [request] = &service.seen()[..] else { panic!("one request") };
    let expected = json!({
        "recipients": ["380931234585"], "sms": {"sender": "eHealth", "text": "код: 012345"}, "sequence_id": JOB,
    });
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), expected);
    assert_eq!(request.headers["authorization"], "Bearer secret");
}

#[tokio::test]
async fn each_response_code_says_whether_the_message_was_taken() {
    let taken = SubmitResult::Accepted { message_id: Some("t-1".into()) };
    for (request, recipient, expected) in [
        (0, Some(0), taken.clone()),
        (800, Some(0), taken.clone()),
        (801, Some(0), taken.clone()),
        (802, Some(0), taken.clone()),
        (803, Some(800), taken),
        (802, Some(305), SubmitResult::Rejected),
        (0, Some(404), SubmitResult::Rejected),
        (0, Some(406), SubmitResult::Rejected),
        (0, None, FAILED),
        (103, None, SubmitResult::ChannelUnavailable),
        (203, None, SubmitResult::ChannelUnavailable),
        (301, None, SubmitResult::ChannelUnavailable),
        (302, None, SubmitResult::ChannelUnavailable),
        (400, None, SubmitResult::ChannelUnavailable),
        (300, None, SubmitResult::ChannelUnavailable),
        (999, None, FAILED),
        (12_345, None, FAILED),
    ] {
        assert_eq!(answered(request, recipient).await, expected, "{request} {recipient:?}");
    }
}

#[tokio::test]
async fn what_stands_before_the_gateway_is_understood_too() {
    for (status, body, expected) in [
        (200, "<html>", FAILED),
        (302, "", SubmitResult::ChannelUnavailable),
        (401, "", SubmitResult::ChannelUnavailable),
        (404, "", SubmitResult::ChannelUnavailable),
        (429, "", SubmitResult::Throttled { retry_after: None }),
        (500, "", FAILED),
        (503, "", FAILED),
    ] {
        assert_eq!(submit(&Service::always(status, &[], body).await.url).await, expected, "{status}");
    }
}

#[tokio::test]
async fn silence_after_the_request_is_told_from_no_connection() {
    assert_eq!(submit(&nobody().await).await, SubmitResult::Unreachable);
    for then in [ConnectionEnd::Cut, ConnectionEnd::Hang] {
        assert_eq!(submit(&Service::breaking("", then).await.url).await, SILENT, "{then:?}");
    }
}
