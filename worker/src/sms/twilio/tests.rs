use reqwest::header::HeaderValue;

use super::*;
use crate::sms::SubmitResult;
use crate::sms::testing::{LIMIT, message};
use crate::testing::upstream::{ConnectionEnd, Service, nobody};

const FAILED: SubmitResult = SubmitResult::Indeterminate { silent: false };
const SILENT: SubmitResult = SubmitResult::Indeterminate { silent: true };

async fn submit(url: &str) -> SubmitResult {
    shared::runtime::tls::install_crypto_provider();
    let authorization = Some(HeaderValue::from_static("Basic QUM6c2VjcmV0"));
    let config =
        HttpChannelConfig { url: url.to_owned(), authorization, sender: "eHealth".into(), limit: LIMIT };
    Twilio::new(&config, &HttpClient::new().unwrap()).submit(message()).await.result
}

async fn answered(status: u16, body: &str) -> SubmitResult {
    submit(&Service::always(status, &[], body).await.url).await
}

#[tokio::test]
async fn a_message_is_a_form_that_ends_with_the_code() {
    let service = Service::always(201, &[], r#"{"sid":"SM1","status":"queued","error_code":null}"#).await;
    assert_eq!(submit(&service.url).await, SubmitResult::Accepted { message_id: Some("SM1".into()) });
    let [request] = &service.seen()[..] else { panic!("one request") };
    assert_eq!(request.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(request.headers["authorization"], "Basic QUM6c2VjcmV0");
    let form = String::from_utf8(request.body.to_vec()).unwrap();
    let body = "%D0%BA%D0%BE%D0%B4%3A+012345";
    assert_eq!(form, format!("To=%2B380931234585&From=eHealth&Body={body}&ValidityPeriod=300"));
}

#[tokio::test]
async fn each_error_code_says_whether_another_try_can_help() {
    let busy = SubmitResult::Throttled { retry_after: None };
    for (status, code, expected) in [
        (400, 21_211, SubmitResult::Rejected),
        (400, 21_610, SubmitResult::Rejected),
        (400, 21_614, SubmitResult::Rejected),
        (400, 21_408, SubmitResult::ChannelUnavailable),
        (400, 21_606, SubmitResult::ChannelUnavailable),
        (401, 20_003, SubmitResult::ChannelUnavailable),
        (400, 21_611, busy.clone()),
        (400, 30_001, busy.clone()),
        (429, 20_429, busy),
        (400, 30_003, FAILED),
        (400, 30_008, FAILED),
        (400, 30_004, SubmitResult::Rejected),
        (400, 30_005, SubmitResult::Rejected),
        (400, 30_006, SubmitResult::Rejected),
        (400, 30_007, SubmitResult::Rejected),
        (500, 20_500, FAILED),
    ] {
        let body = format!(r#"{{"code":{code},"message":"x","more_info":"y","status":{status}}}"#);
        assert_eq!(answered(status, &body).await, expected, "{code}");
    }
    let failed = r#"{"sid":"SM1","status":"failed","error_code":30007}"#;
    assert_eq!(answered(201, failed).await, SubmitResult::Rejected);
}

#[tokio::test]
async fn answers_without_a_code_are_understood_too() {
    for (status, expected) in [
        (201, FAILED),
        (302, SubmitResult::ChannelUnavailable),
        (404, SubmitResult::ChannelUnavailable),
        (429, SubmitResult::Throttled { retry_after: None }),
        (502, FAILED),
        (503, FAILED),
    ] {
        assert_eq!(answered(status, "<html>").await, expected, "{status}");
    }
}

#[tokio::test]
async fn silence_after_the_request_is_told_from_no_connection() {
    assert_eq!(submit(&nobody().await).await, SubmitResult::Unreachable);
    for then in [ConnectionEnd::Cut, ConnectionEnd::Hang] {
        assert_eq!(submit(&Service::breaking("", then).await.url).await, SILENT, "{then:?}");
    }
}
