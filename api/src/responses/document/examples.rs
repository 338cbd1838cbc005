//! An example for every outcome.

use serde_json::{Value, json};
use shared::domain::outcome::{Reason, error_type};
use utoipa::Modify;
use utoipa::openapi::{OpenApi, RefOr};

/// Adds the examples.
pub(super) struct Examples;

impl Modify for Examples {
    fn modify(&self, document: &mut OpenApi) {
        for (path, item) in &mut document.paths.paths {
            for operation in [&mut item.get, &mut item.patch, &mut item.post].into_iter().flatten() {
                for (status, response) in &mut operation.responses.responses {
                    let RefOr::T(response) = response else { continue };
                    if let Some(RefOr::T(content)) = response.content.get_mut("application/json") {
                        content.example = example(path, status);
                    }
                }
            }
        }
    }
}

fn example(path: &str, status: &str) -> Option<Value> {
    let status: u16 = status.parse().ok()?;
    let data = match (status, path) {
        (201, _) => approval(),
        (202, _) => pending(),
        (200, path) if path.starts_with("/verifications/") => json!({
            "id": "6f0a1e1c-3a77-4c39-9f43-0d2f5f5d1a01", "status": "verified",
            "code_expired_at": "2018-08-02T10:50:16.000Z", "active": false,
        }),
        (200, path) if path.ends_with("/{id}") => json!({
            "status": "processed", "eta": ETA, "links": links(),
            "ended_at": "2018-08-02T10:45:15.270Z", "status_code": 200, "response_data": approval(),
        }),
        (200, _) => return None,
        _ => return Some(json!({"error": error(path, status), "meta": meta(status)})),
    };
    Some(json!({"data": data, "meta": meta(status)}))
}

const ETA: &str = "2018-08-02T10:45:16.000Z";

fn pending() -> Value {
    json!({"status": "pending", "eta": ETA, "links": links()})
}

fn links() -> Value {
    json!([{"entity": "job", "href": "/Jobs/NBXk9EyErUZv1RhXgyvgg"}])
}

fn meta(status: u16) -> Value {
    json!({"code": status, "url": "http://example.com/resource", "type": "object", "request_id": "req-adasdoijasdojsda"})
}

fn approval() -> Value {
    json!({
        "id": "d5a5d991-0bf7-476f-b3cf-bec73f044b2e",
        "granted_to": {"identifier": {"value": "9183a36b-4d45-4244-9339-63d81cd08d9c"}},
        "reason": {"identifier": {"value": "9c4d7c2d-2a1e-4f0e-8c53-9a2e4b4e2b7e"}},
        "expires_at": 1_498_749_591, "status": "new", "access_level": "read",
        "authentication_method_current": {"type": "OTP", "number": "+38093*****85"},
    })
}

fn error(path: &str, status: u16) -> Value {
    let is_patch = path.starts_with("/api/patients/");
    let message = match status {
        400 => "Request body can not be read",
        401 => "Invalid access token",
        403 if path.starts_with("/verifications/") => "Invalid verification code",
        403 if is_patch => {
            "Your scope does not allow to access this resource. Missing allowances: approval:create"
        }
        403 => "Your scope does not allow to access this resource. Missing allowances: job:read",
        404 if is_patch => "Approval with such id is not found",
        404 if !path.starts_with("/Jobs/") && !path.contains("jobs/") => "Not found",
        404 => "Job with such id is not found",
        409 => "Resend SMS is not allowed for this authentication method",
        413 => "Request body is too large",
        414 => "Request URI is too long",
        422 => "Validation failed.",
        429 => "Sending SMS timeout. Try later. Next attempt will be available at 2018-08-02T10:45:16.000Z",
        431 => "Request headers are too large",
        501 => "Transfer coding is not supported",
        502 => "A service this request depends on failed. Try again later",
        503 => "The service can not take the request at the moment. Try again later",
        504 => "A service this request depends on did not answer in time. Try again later",
        _ => "The request could not be processed",
    };
    let reason = reason(path, status).as_str();
    let mut error = json!({"type": error_type(status), "reason": reason, "message": message});
    if status == 422 {
        let entry = if is_patch { "$.patient_id" } else { "$.phone_number" };
        let (params, description) =
            if is_patch { ("uuid", "must be a UUID") } else { ("phone", "must be a phone number") };
        let rules = json!([{"rule": "format", "params": [params], "description": description}]);
        error["invalid"] = json!([{"entry_type": "request", "entry": entry, "rules": rules}]);
    }
    error
}

fn reason(path: &str, status: u16) -> Reason {
    match status {
        400 | 422 | 501 => Reason::RequestInvalid,
        401 => Reason::TokenInvalid,
        403 if path.starts_with("/verifications/") => Reason::CodeInvalid,
        403 => Reason::ScopeMissing,
        404 if path.starts_with("/api/patients/") => Reason::ApprovalNotFound,
        404 if path.starts_with("/Jobs/") => Reason::JobNotFound,
        404 => Reason::RouteUnknown,
        409 => Reason::MethodNotOtp,
        413 => Reason::BodyTooLarge,
        414 | 431 => Reason::HeadTooLarge,
        429 => Reason::Cooldown,
        502 => Reason::UpstreamFailed,
        503 => Reason::Overloaded,
        504 => Reason::UpstreamSilent,
        _ => Reason::Internal,
    }
}
