use reqwest::header::HeaderValue;
use serde_json::json;

use super::*;
use crate::testing::upstream::{ConnectionEnd, Service, nobody, reply};
use crate::testing::{APPROVAL, PATIENT, approval, origin, person};

/// Long enough for an answer, short enough for a test of silence.
const LIMIT: Duration = Duration::from_secs(1);
const NOT_FOUND: &str = r#"{"error":{"type":"not_found","message":"Person not found"},"meta":{"code":404}}"#;

fn registry(url: &str) -> Registry {
    shared::runtime::tls::install_crypto_provider();
    let authorization = Some(HeaderValue::from_static("Bearer secret"));
    Registry::new(
        &RegistryConfig { url: url.to_owned(), authorization, limit: LIMIT },
        &HttpClient::new().unwrap(),
    )
}

async fn ask_person(url: &str) -> Result<Person, RegistryError> {
    registry(url).person(PATIENT.parse().unwrap(), origin()).await
}

async fn ask_approval(url: &str) -> Result<Approval, RegistryError> {
    registry(url).approval(PATIENT.parse().unwrap(), APPROVAL.parse().unwrap(), origin()).await
}

#[tokio::test]
async fn a_person_is_read() {
    let body = json!({"data": person(&json!({"type": "OTP", "phone_number": null}))}).to_string();
    let service = Service::always(200, &[], &body).await;
    let person = ask_person(&service.url).await.unwrap();
    assert!(person.is_active && person.methods.len() == 1);
    assert_eq!(service.seen()[0].path, format!("/persons/{PATIENT}"));
}

#[tokio::test]
async fn an_approval_is_read_as_it_is_even_if_it_is_anothers() {
    let other = "00000000-0000-4000-8000-000000000000";
    let body = json!({"data": approval(&json!({"patient_id": other}))}).to_string();
    let service = Service::always(200, &[], &body).await;
    assert_eq!(ask_approval(&service.url).await.unwrap().patient_id().to_string(), other);
    assert_eq!(service.seen()[0].path, format!("/patients/{PATIENT}/approvals/{APPROVAL}"));
}

#[tokio::test]
async fn a_call_says_on_whose_behalf_it_is_made() {
    let service = Service::always(404, &[], "").await;
    ask_person(&service.url).await.unwrap_err();
    let headers = &service.seen()[0].headers;
    assert_eq!(headers["authorization"], "Bearer secret");
    assert_eq!(headers["x-request-id"], "req-1");
    assert_eq!(headers["traceparent"], "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
}

#[tokio::test]
async fn no_status_alone_is_not_found() {
    for (status, expected) in [
        (404, FAILED),
        (204, FAILED),
        (400, FAILED),
        (401, FAILED),
        (403, FAILED),
        (410, FAILED),
        (500, FAILED),
        (503, FAILED),
    ] {
        let service = Service::always(status, &[], "").await;
        assert_eq!(ask_person(&service.url).await.unwrap_err(), expected, "{status}");
        assert_eq!(ask_approval(&service.url).await.err(), Some(expected), "{status}");
    }
}

/// A proxy's page, a gateway's own JSON or a wrong URL must not tell a doctor that the patient does not exist.
#[tokio::test]
async fn a_404_counts_only_where_the_registry_itself_says_not_found() {
    for (body, expected) in [
        (NOT_FOUND, RegistryError::NotFound),
        ("<html>404 Not Found</html>", FAILED),
        (r#"{"message":"no Route matched with those values"}"#, FAILED),
        (r#"{"error":"not_found"}"#, FAILED),
        (r#"{"error":{"type":"access_denied"}}"#, FAILED),
    ] {
        let service = Service::always(404, &[], body).await;
        assert_eq!(ask_person(&service.url).await.unwrap_err(), expected, "{body}");
        assert_eq!(ask_approval(&service.url).await.err(), Some(expected), "{body}");
    }
    let ok = Service::always(200, &[], NOT_FOUND).await;
    assert_eq!(ask_person(&ok.url).await.unwrap_err(), FAILED);
}

#[tokio::test]
async fn a_member_that_can_not_be_read_is_named() {
    let mut data = person(&json!({"type": "OTP"}));
    data["is_active"] = json!("yes");
    let service = Service::always(200, &[], &json!({"data": data}).to_string()).await;
    let error = ask_person(&service.url).await.unwrap_err();
    assert_eq!(error.to_string(), "the registry's answer: member is_active cannot be read");
    let data = approval(&json!({"patient_id": null}));
    let service = Service::always(200, &[], &json!({"data": data}).to_string()).await;
    let error = ask_approval(&service.url).await.err().unwrap();
    assert_eq!(error.to_string(), "the registry's answer: member patient_id cannot be read");
}

#[tokio::test]
async fn the_wait_it_asks_for_is_kept() {
    let service = Service::always(503, &[("retry-after", "7")], "").await;
    let retry_after = Some(Duration::from_secs(7));
    assert_eq!(ask_person(&service.url).await.unwrap_err(), RegistryError::Failed { retry_after });
}

#[tokio::test]
async fn nonsense_is_a_failure() {
    let elsewhere = json!({"data": {"id": APPROVAL, "status": "active"}}).to_string();
    for body in ["", "<html>", "{}", r#"{"data":null}"#, r#"{"data":[]}"#, &elsewhere] {
        let service = Service::always(200, &[], body).await;
        assert_eq!(ask_person(&service.url).await.unwrap_err(), FAILED, "{body}");
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let service = Service::answering(|_| reply(302, &[("location", "/elsewhere")], "")).await;
    assert_eq!(ask_person(&service.url).await.unwrap_err(), FAILED);
    assert_eq!(service.seen().len(), 1);
}

#[tokio::test]
async fn at_most_1_mib_is_read() {
    let padded = |bytes: usize| {
        let body = json!({"data": person(&json!({"type": "OTP"}))}).to_string();
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    let fits = Service::always(200, &[], &padded(1_024 * 1_024)).await;
    assert!(ask_person(&fits.url).await.is_ok());
    let too_large = Service::always(200, &[], &padded(1_024 * 1_024 + 1)).await;
    assert_eq!(ask_person(&too_large.url).await.unwrap_err(), RegistryError::TooLarge);
}

#[tokio::test]
async fn silence_is_told_from_failure() {
    let hangs = Service::breaking("", ConnectionEnd::Hang).await;
    let cuts = Service::breaking("", ConnectionEnd::Cut).await;
    for url in [&hangs.url, &cuts.url, &nobody().await] {
        assert_eq!(ask_person(url).await.unwrap_err(), RegistryError::Silent, "{url}");
    }
}

#[tokio::test]
async fn half_an_answer_is_a_failure() {
    for then in [ConnectionEnd::Cut, ConnectionEnd::Hang] {
        let half = Service::breaking("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"data\":", then).await;
        assert_eq!(ask_person(&half.url).await.unwrap_err(), FAILED, "{then:?}");
    }
}
