//! The registry of persons and approvals as the worker sees it: two reads, each behind the bearer token.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, header},
    response::IntoResponse,
};
use bytes::Bytes;
use uuid::Uuid;

use super::{bulk::PatientGenerator, introspection::credentials, refusal::Refusal, state::Shared};

/// What the service must present.
pub(crate) const TOKEN: &str = "registry-token";

/// `GET /registry/persons/{patient_id}`.
pub(crate) async fn person(
    State(sandbox): State<Shared>,
    headers: HeaderMap,
    Path(patient_id): Path<String>,
) -> Result<impl IntoResponse, Refusal> {
    admit(&headers)?;
    let found = Uuid::try_parse(&patient_id)
        .ok()
        .and_then(|id| sandbox.people.person(id).or_else(|| PatientGenerator::person(id)));
    found.map(as_json).ok_or_else(|| Refusal::not_found("Such person doesn't exist"))
}

/// `GET /registry/patients/{patient_id}/approvals/{id}`.
pub(crate) async fn approval(
    State(sandbox): State<Shared>,
    headers: HeaderMap,
    Path((patient_id, id)): Path<(String, String)>,
) -> Result<impl IntoResponse, Refusal> {
    admit(&headers)?;
    let found = match (Uuid::try_parse(&patient_id), Uuid::try_parse(&id)) {
        (Ok(patient_id), Ok(id)) => {
            sandbox.people.approval((patient_id, id)).or_else(|| sandbox.bulk.approval(patient_id, id))
        }
        _ => None,
    };
    found.map(as_json).ok_or_else(|| Refusal::not_found("Approval with such id is not found"))
}

fn admit(headers: &HeaderMap) -> Result<(), Refusal> {
    if credentials(headers, "Bearer") == Some(TOKEN) {
        return Ok(());
    }
    Err(Refusal::unauthorized("The registry needs the bearer token registry-token"))
}

fn as_json(answer: Bytes) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], answer)
}
