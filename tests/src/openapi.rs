//! Compares answers with the API's own document, `api/openapi.json`: every answer that a test reads goes through here.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use reqwest::{Method, StatusCode};
use serde_json::Value;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../api/openapi.json")).expect("the committed document is JSON")
});

/// Validators by method, route and status; each is made once.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Fails if the document knows the route but not this answer of it.
pub fn check(method: &Method, path: &str, status: StatusCode, body: &Value) {
    let Some((template, operation)) = operation(method, path) else { return };
    let status = status.as_str();
    let answer = &operation["responses"][status];
    assert!(
        answer.is_object(),
        "{method} {path} answered {status}, which its document does not know: {body}"
    );
    let schema = &answer["content"]["application/json"]["schema"];
    if schema.is_object()
        && let Err(error) = validator(format!("{method} {template} {status}"), schema).validate(body)
    {
        panic!("{method} {path} answered {status} in a shape its document does not know: {error}\n{body:#}");
    }
}

/// The operation of the document that serves this request, with its path as the document has it.
fn operation(method: &Method, path: &str) -> Option<(&'static str, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object()?;
    let (template, item) = paths.iter().find(|(template, _)| fits(template, path))?;
    Some((template, item.get(method.as_str().to_lowercase())?))
}

fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given))
                if wanted == given || (wanted.starts_with('{') && !given.is_empty()) => {}
            _ => return false,
        }
    }
}

fn validator(answer: String, schema: &Value) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let made = validators.entry(answer).or_insert_with(|| {
        // Its references lead into the document's components.
        let mut schema = schema.clone();
        schema["components"] = DOCUMENT["components"].clone();
        Arc::new(jsonschema::validator_for(&schema).expect("the document's schemas are schemas"))
    });
    made.clone()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_example_of_the_document_fits_its_own_schema() {
        let mut seen = 0;
        for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                for (status, answer) in operation["responses"].as_object().unwrap() {
                    let example = &answer["content"]["application/json"]["example"];
                    if !example.is_null() {
                        let method = method.to_uppercase().parse().unwrap();
                        check(&method, path, status.parse().unwrap(), example);
                        seen += 1;
                    }
                }
            }
        }
        assert!(seen > 40, "{seen}");
    }

    #[test]
    #[should_panic(expected = "in a shape its document does not know")]
    fn an_answer_of_another_shape_fails() {
        check(&Method::GET, "/Jobs/1", StatusCode::OK, &json!({"data": {}, "meta": {}}));
    }

    #[test]
    #[should_panic(expected = "which its document does not know")]
    fn an_answer_of_another_status_fails() {
        check(&Method::GET, "/Jobs/1", StatusCode::IM_A_TEAPOT, &json!({}));
    }
}
