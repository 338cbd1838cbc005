//! Ids in the path.

use axum::extract::{FromRequestParts, Path, RawPathParams};
use axum::http::request::Parts;
use shared::domain::ids::{ApprovalId, IdempotencyKey, JobId, PatientId};

use crate::request::idempotency_key;
use crate::responses::error::ApiError;
use crate::responses::violation::{Rule, Violation};
use crate::state::AppState;

pub(crate) const UUID: Rule = Rule {
    name: "format",
    params: &["uuid"],
    description: "must be a UUID such as aff00bf6-68bf-4b49-b66d-f031d48922b3",
};

/// What is to be resent, and the key under which it may be asked for again.
#[derive(Debug)]
pub(crate) struct ResendTarget {
    pub(crate) patient: PatientId,
    pub(crate) approval: ApprovalId,
    pub(crate) key: Option<IdempotencyKey>,
}

/// The job a path names.
pub(crate) struct JobPath(pub(crate) JobId);

impl FromRequestParts<AppState> for ResendTarget {
    type Rejection = ApiError;

    /// Everything that is wrong is told at once.
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, app).await.ok();
        let text =
            |name: &str| params.iter().flatten().find(|(key, _)| *key == name).map_or("", |(_, value)| value);
        let patient = text("patient_id").parse().map_err(|_| Violation::request("$.patient_id", UUID));
        let approval = text("id").parse().map_err(|_| Violation::request("$.id", UUID));
        match (patient, approval, idempotency_key::of(&parts.headers)) {
            (Ok(patient), Ok(approval), Ok(key)) => Ok(Self { patient, approval, key }),
            (patient, approval, key) => Err(ApiError::Invalid(
                [patient.err(), approval.err(), key.err()].into_iter().flatten().collect(),
            )),
        }
    }
}

impl FromRequestParts<AppState> for JobPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let Path(id): Path<String> =
            Path::from_request_parts(parts, app).await.map_err(|_| ApiError::JobNotFound)?;
        id.parse().map(Self).map_err(|_| ApiError::JobNotFound)
    }
}
