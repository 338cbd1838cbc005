//! How a test changes what the sandbox knows: tokens, persons, approvals, and patients in bulk.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::{
    bulk::GeneratedPatient,
    refusal::{Refusal, read_json},
    state::Shared,
};

/// Most patients one call makes; the answer lists each.
const MOST_AT_ONCE: u32 = 1_000_000;

/// `PUT /sandbox/tokens/{token}`: the body becomes the introspection answer, verbatim.
pub(crate) async fn put_token(
    State(sandbox): State<Shared>,
    Path(token): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let _: Value = read_json(&body)?;
    sandbox.tokens.put(token, body);
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /sandbox/tokens/{token}`: inactive from now on.
pub(crate) async fn revoke_token(State(sandbox): State<Shared>, Path(token): Path<String>) -> StatusCode {
    sandbox.tokens.revoke(&token);
    StatusCode::NO_CONTENT
}

/// `PUT /sandbox/persons/{id}`: the body becomes the `data` of the registry's answer.
pub(crate) async fn put_person(
    State(sandbox): State<Shared>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    sandbox.people.put_person(uuid(&id)?, &read_json(&body)?);
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /sandbox/persons/{id}`: the registry answers 404 from now on.
pub(crate) async fn remove_person(
    State(sandbox): State<Shared>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    sandbox.people.remove_person(uuid(&id)?);
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /sandbox/patients/{patient_id}/approvals/{id}`: the body becomes the `data` of the registry's answer.
pub(crate) async fn put_approval(
    State(sandbox): State<Shared>,
    Path((patient_id, id)): Path<(String, String)>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    sandbox.people.put_approval((uuid(&patient_id)?, uuid(&id)?), &read_json(&body)?);
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /sandbox/patients/{patient_id}/approvals/{id}`: the registry answers 404 from now on.
pub(crate) async fn remove_approval(
    State(sandbox): State<Shared>,
    Path((patient_id, id)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    sandbox.people.remove_approval((uuid(&patient_id)?, uuid(&id)?));
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
pub(crate) struct Amount {
    count: u32,
}

/// `POST /sandbox/approvals/bulk?count=N`: as many patients with an open OTP approval nobody has had before.
pub(crate) async fn make_in_bulk(
    State(sandbox): State<Shared>,
    amount: Result<Query<Amount>, QueryRejection>,
) -> Result<Json<Vec<GeneratedPatient>>, Refusal> {
    let Query(Amount { count }) = amount.map_err(|rejection| Refusal::invalid(rejection.body_text()))?;
    if count > MOST_AT_ONCE {
        return Err(Refusal::invalid(format!("count is at most {MOST_AT_ONCE}: call again for more")));
    }
    Ok(Json(sandbox.bulk.make(count)))
}

fn uuid(id: &str) -> Result<Uuid, Refusal> {
    Uuid::try_parse(id).map_err(|error| Refusal::invalid(format!("`{id}` is not a UUID: {error}")))
}

/// `GET /sandbox/calls`.
pub(crate) async fn calls(State(sandbox): State<Shared>) -> Json<Value> {
    Json(sandbox.calls.report())
}

/// `DELETE /sandbox/calls`.
pub(crate) async fn reset_calls(State(sandbox): State<Shared>) -> StatusCode {
    sandbox.calls.reset();
    StatusCode::NO_CONTENT
}
