//! The environment of unit tests: a Redis server for each, and upstream services with given answers.

pub(crate) mod redis;
pub(crate) mod upstream;

use serde_json::{Value, json};
use shared::domain::ids::{JobId, RequestId, TraceParent};
use shared::domain::message::Message;

use crate::upstream::Origin;

pub(crate) const PATIENT: &str = "aff00bf6-68bf-4b49-b66d-f031d48922b3";
pub(crate) const APPROVAL: &str = "d5a5d991-0bf7-476f-b3cf-bec73f044b2e";
pub(crate) const PHONE: &str = "+380931234585";

/// An origin with both headers, for as long as the test runs.
pub(crate) fn origin() -> Origin<'static> {
    let request: RequestId = "req-1".parse().unwrap();
    let trace: TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
    Origin { request: Box::leak(Box::new(request)), trace: Some(Box::leak(Box::new(trace))) }
}

/// A job for the approval and the patient of these tests.
pub(crate) fn job() -> Message {
    Message {
        job: JobId::generate(),
        patient: PATIENT.parse().unwrap(),
        approval: APPROVAL.parse().unwrap(),
        request: RequestId::generate(),
        client: None,
        trace: None,
    }
}

/// A person of the registry with one method `m`.
pub(crate) fn person(method: &Value) -> Value {
    let mut method = method.clone();
    method["id"] = json!("m");
    json!({"id": PATIENT, "status": "active", "is_active": true, "authentication_methods": [method]})
}

/// An approval of the registry that may be resent, with changes.
pub(crate) fn approval(changes: &Value) -> Value {
    let mut data = json!({
        "id": APPROVAL, "patient_id": PATIENT, "expires_at": 4_102_444_800_i64, "status": "new",
        "access_level": "read", "authorize_with": null, "urgent": {"type": "OTP", "phone_number": PHONE},
    });
    for (name, value) in changes.as_object().unwrap() {
        data[name] = value.clone();
    }
    data
}
