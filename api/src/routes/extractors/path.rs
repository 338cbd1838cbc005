//! Ids in the path.

use axum::extract::{FromRequestParts, Path, RawPathParams};
use axum::http::request::Parts;
use shared::domain::ids::{ApprovalId, IdempotencyKey, JobId, PatientId};

use crate::request::idempotency_key;
use crate::request::violation::{Rule, Violation};
use crate::responses::error::ApiError;
use crate::state::AppState;

pub(crate) const UUID: Rule = Rule {
    name: "format",
    params: &["uuid"],
    description: "must be a UUID such as aff00bf6-68bf-4b49-b66d-f031d48922b3",
};

/// The approval whose code is to be resent, and the request's idempotency key.
#[derive(Debug)]
pub(crate) struct ResendTarget {
    pub(crate) patient: PatientId,
    pub(crate) approval: ApprovalId,
    pub(crate) key: Option<IdempotencyKey>,
}

/// The job in a path.
pub(crate) struct JobPath(pub(crate) JobId);

impl FromRequestParts<AppState> for ResendTarget {
    type Rejection = ApiError;

    /// All violations are reported at once.
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

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::extract::Request;
    use axum::routing::get;
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::*;

    const RIGHT: &str = "aff00bf6-68bf-4b49-b66d-f031d48922b3";

    /// The violations in a request to resend, if any.
    async fn violations(patient: &str, approval: &str, key: &str) -> Option<Value> {
        let read = async |target: Result<ResendTarget, ApiError>| match target {
            Ok(target) => {
                format!("{} {} {:?}", target.patient, target.approval, target.key).len().to_string()
            }
            Err(error) => serde_json::to_string(error.violations()).unwrap(),
        };
        let router = Router::new().route("/{patient_id}/{id}", get(read)).with_state(AppState::unconnected());
        let request =
            Request::builder().uri(format!("/{patient}/{approval}")).header("x-idempotency-key", key);
        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice(&body).ok().filter(Value::is_array)
    }

    fn wrong(entry: &str) -> Value {
        json!({"entry_type": "request", "entry": entry, "rules": [{
            "rule": "format", "params": ["uuid"], "description": UUID.description,
        }]})
    }

    #[tokio::test]
    async fn wrong_ids_are_told_at_once_and_in_order() {
        assert_eq!(violations(RIGHT, &RIGHT.to_uppercase(), "k").await, None);
        assert_eq!(violations("1", RIGHT, "k").await, Some(json!([wrong("$.patient_id")])));
        let both = Some(json!([wrong("$.patient_id"), wrong("$.id")]));
        assert_eq!(violations("%00", "aff00bf668bf4b49b66df031d48922b3", "k").await, both);
        assert_eq!(violations("1", "%FF", "k").await, both);
    }

    #[tokio::test]
    async fn a_malformed_key_is_told_with_the_ids() {
        let told = violations("1", RIGHT, "").await.unwrap();
        let entries = (&told[0]["entry"], &told[1]["entry"]);
        assert_eq!(entries, (&json!("$.patient_id"), &json!("x-idempotency-key")));
        assert_eq!(told[1]["entry_type"], "header");
    }
}
