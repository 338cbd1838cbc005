//! Compares `SPEC.md` with the existing tests, and the examples of the specification with the API's document.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::openapi;

use crate::answers::table::assert_tests_exist;

const ID: &str = "d5a5d991-0bf7-476f-b3cf-bec73f044b2e";

#[test]
fn every_sentence_of_the_specification_names_tests_there_are() {
    assert_tests_exist(include_str!("SPEC.md"));
}

/// A reference as the page writes it.
fn reference(code: &str, value: &str) -> Value {
    json!({
        "identifier": {"type": {"coding": [{"system": "eHealth/resources", "code": code}]}, "value": value},
        "display_value": "null",
    })
}

#[test]
fn the_examples_of_the_page_fit_the_document() {
    let path = format!("/api/patients/aff00bf6-68bf-4b49-b66d-f031d48922b3/approvals/{ID}/actions/resend");
    let meta = |code: u16| {
        json!({
            "code": code, "url": "http://example.com/resource", "type": "object",
            "request_id": "req-adasdoijasdojsda",
        })
    };
    let approval = json!({
        "id": ID,
        "granted_resources": [reference("episode_of_care", ID)],
        "granted_to": reference("employee", "9183a36b-4d45-4244-9339-63d81cd08d9c"),
        "expires_at": 1_498_749_591,
        "reason": reference("service_request", "9183a36b-4d45-4244-9339-63d81cd08d9c"),
        "status": "new", "access_level": "read",
        "authentication_method_current": {"type": "OTP", "number": "+38093*****85"},
    });
    let sync = json!({"data": approval, "meta": meta(201)});
    openapi::check(&Method::PATCH, &path, StatusCode::CREATED, &sync);
    let pending = json!({
        "status": "pending", "eta": "2018-08-02T10:45:16.000Z",
        "links": [{"entity": "job", "href": "/Jobs/NBXk9EyErUZv1RhXgyvgg"}],
    });
    let accepted = json!({"data": pending, "meta": meta(202)});
    openapi::check(&Method::PATCH, &path, StatusCode::ACCEPTED, &accepted);
}
