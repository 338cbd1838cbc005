//! The document says what is served, and the committed copy says what the document says.

use serde_json::Value;

use super::*;

fn document() -> Value {
    serde_json::from_str(&described().1).unwrap()
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let document = document();
    let mut described: Vec<_> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut served = paths::ALL.to_vec();
    described.sort_unstable();
    served.sort_unstable();
    assert_eq!(described, served);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[test]
fn every_json_answer_has_an_example_that_fits_its_status() {
    for (path, item) in document()["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            for (status, response) in operation["responses"].as_object().unwrap() {
                let content = &response["content"]["application/json"];
                if content.is_object() && path != "/openapi.json" {
                    let code = content["example"]["meta"]["code"].to_string();
                    assert_eq!(code, *status, "{path}");
                }
            }
        }
    }
}

#[test]
fn the_committed_copy_is_current() {
    let (place, text) = (concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json"), described().1);
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(place, &text).unwrap();
    }
    let committed = std::fs::read_to_string(place).unwrap_or_default();
    assert!(committed == text, "api/openapi.json is out of date: run this test with UPDATE_OPENAPI=1");
}

#[tokio::test]
async fn every_described_route_has_a_handler() {
    for path in paths::ALL {
        // A route without a handler is a 404 `Not found`; whoever has one refuses the method.
        let path = path.replace(['{', '}'], "");
        assert_eq!(call("TRACE", &path, &[]).await.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
}
