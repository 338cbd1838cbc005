//! `POST /oauth/introspect` as RFC 7662 has it: a form with `token`, Basic credentials of the caller.

use axum::{
    Form,
    extract::{State, rejection::FormRejection},
    http::{HeaderMap, header},
    response::IntoResponse,
};
use serde::Deserialize;

use super::{refusal::Refusal, state::Shared};

/// User and password the service must introspect with.
pub(crate) const CLIENT_ID: &str = "resend-api";
pub(crate) const CLIENT_SECRET: &str = "sandbox-secret";

/// `resend-api:sandbox-secret` in base64; a constant, so that a call costs no encoding.
const CREDENTIALS: &str = "cmVzZW5kLWFwaTpzYW5kYm94LXNlY3JldA==";

#[derive(Deserialize)]
pub(crate) struct Question {
    token: String,
}

/// Says what is known of a token; an unknown one is inactive, not an error.
pub(crate) async fn introspect(
    State(sandbox): State<Shared>,
    headers: HeaderMap,
    form: Result<Form<Question>, FormRejection>,
) -> Result<impl IntoResponse, Refusal> {
    if !knows_the_secret(&headers) {
        return Err(Refusal::unauthorized(
            "Introspection needs the Basic credentials resend-api:sandbox-secret",
        ));
    }
    let Form(question) = form.map_err(|rejection| Refusal::bad_request(rejection.body_text()))?;
    sandbox.calls.introspected(&question.token);
    Ok(([(header::CONTENT_TYPE, "application/json")], sandbox.tokens.introspect(&question.token)))
}

fn knows_the_secret(headers: &HeaderMap) -> bool {
    credentials(headers, "Basic") == Some(CREDENTIALS)
}

/// The credentials of the `Authorization` header if its scheme (any case, RFC 9110 11.1) is `scheme`.
pub(crate) fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (given, credentials) = value.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then(|| credentials.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(authorization: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        headers
    }

    #[test]
    fn the_callers_credentials_must_match_exactly_but_the_scheme_in_any_case() {
        assert!(knows_the_secret(&with(&format!("Basic {CREDENTIALS}"))));
        assert!(knows_the_secret(&with(&format!("basic {CREDENTIALS}"))));
        assert!(!knows_the_secret(&with(&format!("Bearer {CREDENTIALS}"))));
        assert!(!knows_the_secret(&with("Basic b3RoZXI6c2VjcmV0")));
        assert!(!knows_the_secret(&HeaderMap::new()));
    }
}
