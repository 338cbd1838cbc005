use reqwest::header::HeaderValue;

use super::*;
use crate::sms::testing::{LIMIT, message};
use crate::testing::upstream::{Service, Then, nobody};

async fn submit(url: &str) -> Submission {
    shared::tls::install_crypto_provider();
    let authorization = Some(HeaderValue::from_static("Basic QUM6c2VjcmV0"));
    let config =
        HttpChannelConfig { url: url.to_owned(), authorization, sender: "eHealth".into(), limit: LIMIT };
    Twilio::new(&config).unwrap().submit(message()).await
}

async fn answered(status: u16, body: &str) -> Submission {
    submit(&Service::always(status, &[], body).await.url).await
}

#[tokio::test]
async fn a_message_is_a_form_that_ends_with_the_code() {
    let service = Service::always(201, &[], r#"{"sid":"SM1","status":"queued","error_code":null}"#).await;
    assert_eq!(submit(&service.url).await, Submission::Taken { message_id: Some("SM1".into()) });
    let [request] = &service.seen()[..] else { panic!("one request") };
    assert_eq!(request.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(request.headers["authorization"], "Basic QUM6c2VjcmV0");
    let form = String::from_utf8(request.body.to_vec()).unwrap();
    let body = "%D0%BA%D0%BE%D0%B4%3A+012345";
    assert_eq!(form, format!("To=%2B380931234585&From=eHealth&Body={body}&ValidityPeriod=300"));
}

#[tokio::test]
async fn each_error_code_says_whether_another_try_can_help() {
    let busy = Submission::Busy { retry_after: None };
    for (status, code, expected) in [
        (400, 21_211, Submission::Refused),
        (400, 21_610, Submission::Refused),
        (400, 21_614, Submission::Refused),
        (400, 21_408, Submission::Closed),
        (400, 21_606, Submission::Closed),
        (401, 20_003, Submission::Closed),
        (400, 21_611, busy.clone()),
        (400, 30_001, busy.clone()),
        (429, 20_429, busy),
        (400, 30_003, Submission::Failed),
        (400, 30_008, Submission::Failed),
        (400, 30_004, Submission::Refused),
        (400, 30_005, Submission::Refused),
        (400, 30_006, Submission::Refused),
        (400, 30_007, Submission::Refused),
        (500, 20_500, Submission::Failed),
    ] {
        let body = format!(r#"{{"code":{code},"message":"x","more_info":"y","status":{status}}}"#);
        assert_eq!(answered(status, &body).await, expected, "{code}");
    }
    let failed = r#"{"sid":"SM1","status":"failed","error_code":30007}"#;
    assert_eq!(answered(201, failed).await, Submission::Refused);
}

#[tokio::test]
async fn answers_without_a_code_are_understood_too() {
    for (status, expected) in [
        (201, Submission::Taken { message_id: None }),
        (302, Submission::Closed),
        (404, Submission::Closed),
        (429, Submission::Busy { retry_after: None }),
        (502, Submission::Failed),
        (503, Submission::Busy { retry_after: None }),
    ] {
        assert_eq!(answered(status, "<html>").await, expected, "{status}");
    }
}

#[tokio::test]
async fn silence_after_the_request_is_told_from_no_connection() {
    assert_eq!(submit(&nobody().await).await, Submission::Unreachable);
    for then in [Then::Cut, Then::Hang] {
        assert_eq!(submit(&Service::breaking("", then).await.url).await, Submission::Unanswered, "{then:?}");
    }
}
