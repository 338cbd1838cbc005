//! `GET /oauth/jwks`: the keys an issuer of signed tokens publishes. A test puts them there and signs for itself.

use std::sync::{PoisonError, RwLock};

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

/// The published set.
pub(crate) struct Jwks(RwLock<Bytes>);

impl Default for Jwks {
    fn default() -> Self {
        Self(RwLock::new(Bytes::from_static(br#"{"keys":[]}"#)))
    }
}

/// `GET /oauth/jwks`.
pub(crate) async fn show(State(sandbox): State<Shared>) -> impl IntoResponse {
    let keys = sandbox.jwks.0.read().unwrap_or_else(PoisonError::into_inner).clone();
    ([(header::CONTENT_TYPE, "application/jwk-set+json")], keys)
}

/// `PUT /sandbox/jwks`: the body becomes the set, verbatim.
pub(crate) async fn replace(State(sandbox): State<Shared>, body: Bytes) -> Result<StatusCode, Refusal> {
    let _: Value = read_json(&body)?;
    *sandbox.jwks.0.write().unwrap_or_else(PoisonError::into_inner) = body;
    Ok(StatusCode::NO_CONTENT)
}
