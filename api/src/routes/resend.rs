//! `PATCH /api/patients/{patient_id}/approvals/{id}/actions/resend`: sends the SMS code of an approval again, by a job
//! (section 2 of the contract).

mod body;
mod sync;

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use metrics::counter;
use shared::domain::outcome::Reason;
use shared::queue::{AcceptedJob, Enqueued, NewJob};
use shared::telemetry::metric;

use crate::auth::{Principal, Scope};
use crate::request::context::RequestContext;
use crate::request::idempotency_key;
use crate::request::preferences::{PREFERENCE_APPLIED, Preferences, wait_applied};
use crate::responses::envelope;
use crate::responses::error::{ApiError, seconds_until};
use crate::responses::job::PendingView;
use crate::responses::outcomes::ResendOutcomes;
use crate::responses::violation::{Rule, Violation};
use crate::state::Api;

/// Has the SMS code of an approval sent again.
///
/// The answer is a job, or its result where the server decides to wait. Any body of up to 16 KiB is taken and ignored.
#[utoipa::path(
    patch, path = "/api/patients/{patient_id}/approvals/{id}/actions/resend", tag = "approvals",
    operation_id = "resendApproval",
    params(
        ("patient_id" = Uuid, Path, description = "The patient", example = "aff00bf6-68bf-4b49-b66d-f031d48922b3"),
        ("id" = Uuid, Path, description = "The approval", example = "d5a5d991-0bf7-476f-b3cf-bec73f044b2e"),
        ("Prefer" = Option<String>, Header, nullable = false, description = "`wait=N` seconds, or `respond-async` (RFC 7240)"),
        ("Idempotency-Key" = Option<String>, Header, nullable = false, description = "Replays the first answer for 24 hours; also as `X-Idempotency-Key`"),
        ("X-Request-Id" = Option<String>, Header, nullable = false, description = "1 to 128 visible characters, echoed"),
    ),
    responses(ResendOutcomes<'_>), security(("bearer" = ["approval:create"])),
)]
pub(crate) async fn resend(State(api): State<Arc<Api>>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let context = RequestContext::of(&parts.extensions).ok_or(ApiError::Internal)?;
    let caller = api.authenticator.authorize(Scope::ApprovalCreate, &parts.headers, context.origin()).await?;
    body::ignore(body, api.server.body).await?;
    let job = new_job(&parts, &caller, context)?;
    let enqueued = api.queue.enqueue(&job, &api.approval_limits).await;
    let ticket = ticket(enqueued.map_err(|error| api.queue_trouble.refuse(&error))?, &parts, &api)?;
    answer(&ticket, &parts, &caller, &api).await
}

/// The job's own answer where the server decides to wait and the job ends in time, else 202.
async fn answer(
    ticket: &AcceptedJob,
    parts: &Parts,
    caller: &Principal,
    api: &Api,
) -> Result<Response, ApiError> {
    let context = RequestContext::of(&parts.extensions).ok_or(ApiError::Internal)?;
    let preferences = Preferences::of(&parts.headers);
    let wait = sync::decide(&api.sync, preferences, ticket);
    let in_time = match wait {
        // The rare way is boxed, so that the usual one stays small.
        Some(limit) => Box::pin(sync::answer(api, parts, &caller.client, ticket, limit)).await,
        None => None,
    };
    let mut response = in_time.unwrap_or_else(|| accepted(ticket, context, api)).into_response();
    let applied = match wait {
        Some(limit) => preferences.wait.map(|_| wait_applied(limit)),
        None => preferences.respond_async.then_some(HeaderValue::from_static("respond-async")),
    };
    response.headers_mut().extend(applied.map(|applied| (PREFERENCE_APPLIED, applied)));
    Ok(response)
}

/// Checks both ids and the key, so that everything that is wrong is told at once.
fn new_job(parts: &Parts, caller: &Principal, context: &RequestContext) -> Result<NewJob, ApiError> {
    let patient = id(&parts.uri, 3, "$.patient_id");
    let approval = id(&parts.uri, 5, "$.id");
    let key = idempotency_key::key(&parts.headers);
    match (patient, approval, key) {
        (Ok(patient), Ok(approval), Ok(idempotency)) => Ok(NewJob {
            patient,
            approval,
            client: caller.client.clone(),
            request: context.request_id.clone(),
            trace: context.trace.clone(),
            idempotency,
        }),
        (patient, approval, key) => {
            Err(ApiError::Invalid([patient.err(), approval.err(), key.err()].into_iter().flatten().collect()))
        }
    }
}

/// Parses a segment of the path as it stands: a UUID has no character that needs an escape.
fn id<T: FromStr>(uri: &Uri, segment: usize, entry: &'static str) -> Result<T, Violation> {
    let text = uri.path().split('/').nth(segment).unwrap_or_default();
    text.parse().map_err(|_| Violation::request(entry, UUID))
}

const UUID: Rule = Rule {
    name: "format",
    params: &["uuid"],
    description: "must be a UUID such as aff00bf6-68bf-4b49-b66d-f031d48922b3",
};

/// The job that stands for this request, new or not; or why there is none.
fn ticket(enqueued: Enqueued, parts: &Parts, api: &Api) -> Result<AcceptedJob, ApiError> {
    match enqueued {
        Enqueued::Accepted(ticket) => {
            api.meters.jobs_accepted.increment(1);
            Ok(ticket)
        }
        Enqueued::Live(ticket) | Enqueued::Replayed(ticket) => Ok(ticket),
        Enqueued::Foreign { next_attempt_ms, now_ms } => {
            Err(limited(Reason::LiveJob, next_attempt_ms, now_ms))
        }
        Enqueued::Limited { limit, next_attempt_ms, now_ms } => Err(limited(limit, next_attempt_ms, now_ms)),
        Enqueued::KeyReused => Err(ApiError::Invalid(vec![idempotency_key::reused(&parts.headers)])),
        Enqueued::Overloaded { retry_after_ms } => {
            Err(ApiError::Unavailable { retry_after_seconds: seconds_until(retry_after_ms, 0) })
        }
    }
}

fn limited(limit: Reason, next_attempt_ms: u64, now_ms: u64) -> ApiError {
    counter!(metric::LIMIT_HITS, "limit" => limit.as_str()).increment(1);
    ApiError::LimitReached { next_attempt_ms, now_ms }
}

fn accepted(ticket: &AcceptedJob, context: &RequestContext, api: &Api) -> Result<Response, ApiError> {
    let href = api.job_href.of(&ticket.job);
    let mut response =
        envelope::success(StatusCode::ACCEPTED, PendingView::new(ticket.eta_ms, &href), context)?;
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::try_from(href).map_err(|_| ApiError::Internal)?);
    headers.insert(RETRY_AFTER, HeaderValue::from(seconds_until(ticket.eta_ms, ticket.now_ms)));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde_json::{Value, json};

    use super::*;
    use crate::auth::principal::Scopes;

    const RIGHT: &str = "aff00bf6-68bf-4b49-b66d-f031d48922b3";

    fn job(patient: &str, approval: &str, key: &str) -> Result<NewJob, Value> {
        let uri = format!("/api/patients/{patient}/approvals/{approval}/actions/resend");
        let request =
            Request::builder().uri(uri).header("x-idempotency-key", key).body(Body::empty()).unwrap();
        let context = RequestContext::read(&request, None);
        let caller =
            Principal { client: "mis-a".parse().unwrap(), scopes: Scopes::default(), expires_at: None };
        new_job(&request.into_parts().0, &caller, &context)
            .map_err(|error| serde_json::to_value(error.violations()).unwrap())
    }

    fn wrong(entry: &str) -> Value {
        json!({"entry_type": "request", "entry": entry, "rules": [{
            "rule": "format", "params": ["uuid"], "description": UUID.description,
        }]})
    }

    #[test]
    fn right_ids_make_a_job_of_the_caller() {
        let job = job(RIGHT, &RIGHT.to_uppercase(), "k").unwrap();
        assert_eq!((job.patient.to_string().as_str(), job.client.as_str()), (RIGHT, "mis-a"));
        assert_eq!((job.approval.to_string().as_str(), job.idempotency), (RIGHT, "k".parse().ok()));
    }

    #[test]
    fn wrong_ids_are_told_at_once_and_in_order() {
        assert_eq!(job("1", RIGHT, "k").unwrap_err(), json!([wrong("$.patient_id")]));
        assert_eq!(job(RIGHT, "%FF", "k").unwrap_err(), json!([wrong("$.id")]));
        assert_eq!(
            job("%00", "aff00bf668bf4b49b66df031d48922b3", "k").unwrap_err(),
            json!([wrong("$.patient_id"), wrong("$.id")])
        );
    }

    #[test]
    fn a_key_that_is_none_is_told_with_the_ids() {
        let told = job("1", RIGHT, "").unwrap_err();
        assert_eq!(
            (&told[0]["entry"], &told[1]["entry"]),
            (&json!("$.patient_id"), &json!("x-idempotency-key"))
        );
        assert_eq!(told[1]["entry_type"], "header");
    }
}
