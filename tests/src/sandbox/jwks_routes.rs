//! `GET /oauth/jwks`: the keys an issuer of signed tokens publishes. A test puts them there and signs for itself.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use bytes::Bytes;
use serde_json::Value;

use super::{
    refusal::{Refusal, read_json},
    state::Shared,
};

/// `GET /oauth/jwks`.
pub(crate) async fn show(State(sandbox): State<Shared>) -> impl IntoResponse {
    let keys = sandbox.jwks.published();
    ([(header::CONTENT_TYPE, "application/jwk-set+json")], keys)
}

/// `PUT /sandbox/jwks`: the body becomes the set, verbatim.
pub(crate) async fn replace(State(sandbox): State<Shared>, body: Bytes) -> Result<StatusCode, Refusal> {
    let _: Value = read_json(&body)?;
    sandbox.jwks.publish(body);
    Ok(StatusCode::NO_CONTENT)
}
