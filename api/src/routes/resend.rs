//! `PATCH /api/patients/{patient_id}/approvals/{id}/actions/resend`: sends the SMS code of an approval again, as a job
//! (section 2 of the contract).

mod decision;

use axum::extract::State;
use axum::http::header::{LINK, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use shared::domain::outcome::Reason;
use shared::queue::{AcceptedJob, Enqueued, NewJob};

use super::extractors::authorized::{ApprovalCreate, Authorized};
use super::extractors::body::SmallBody;
use super::extractors::path::ResendTarget;
use crate::jobs::errors::{limited, refusal};
use crate::paths;
use crate::request::context::RequestContext;
use crate::request::idempotency_key;
use crate::request::preferences::{PREFERENCE_APPLIED, Preferences, wait_applied};
use crate::responses::envelope;
use crate::responses::error::{ApiError, seconds_until};
use crate::responses::job::PendingView;
use crate::responses::outcomes::ResendOutcomes;
use crate::state::AppState;

/// Sends the SMS code of an approval again.
///
/// The answer is a job, or its result if the server decides to wait. A body of up to 16 KiB is accepted and ignored.
#[utoipa::path(
    patch, path = paths::RESEND, tag = "approvals",
    operation_id = "resendApproval",
    params(
        ("patient_id" = Uuid, Path, description = "The patient", example = "aff00bf6-68bf-4b49-b66d-f031d48922b3"),
        ("id" = Uuid, Path, description = "The approval", example = "d5a5d991-0bf7-476f-b3cf-bec73f044b2e"),
        ("Prefer" = Option<String>, Header, nullable = false, description = "`wait=N` seconds, or `respond-async` (RFC 7240)"),
        ("Idempotency-Key" = Option<String>, Header, nullable = false, description = "Replays the first answer for 24 hours; also as `X-Idempotency-Key`. Quotes around it (a structured-field string) are not part of it"),
        ("X-Request-Id" = Option<String>, Header, nullable = false, description = "1 to 128 visible characters, echoed"),
    ),
    request_body(content = Option<serde_json::Value>, content_type = "application/json", description = "Not used; `{}`, `[]` or nothing"),
    responses(ResendOutcomes<'_>), security(("bearer" = ["approval:create"])),
)]
pub(crate) async fn resend(
    State(app): State<AppState>,
    call: Authorized<ApprovalCreate>,
    target: ResendTarget,
    headers: HeaderMap,
    _body: SmallBody,
) -> Result<Response, ApiError> {
    let job = new_job(target, &call);
    let enqueued = app.queue.producer().enqueue(&job, &app.approval_limits).await;
    let enqueued = enqueued.map_err(|error| refusal(&error))?;
    let job = enqueued.job().cloned();
    let href = job.as_ref().map(|job| app.http.job_href.of(job)).unwrap_or_default();
    let mut response = match accepted_job(enqueued, &headers, &app) {
        Ok(accepted) => answer(&accepted, &href, &call, &headers, &app).await,
        Err(refused) => refused.into_response(),
    };
    if let Some(job) = job {
        call.context.set_job(&job);
        name_job(&mut response, &href);
    }
    Ok(response)
}

fn new_job(target: ResendTarget, call: &Authorized<ApprovalCreate>) -> NewJob {
    NewJob {
        patient: target.patient,
        approval: target.approval,
        client: call.principal.client.clone(),
        request: call.context.request_id.clone(),
        trace: call.context.trace.clone(),
        idempotency: target.key,
    }
}

/// The job for this request, new or existing; or why there is none.
fn accepted_job(enqueued: Enqueued, headers: &HeaderMap, app: &AppState) -> Result<AcceptedJob, ApiError> {
    match enqueued {
        Enqueued::Accepted(job) => {
            app.jobs_accepted.increment(1);
            Ok(job)
        }
        Enqueued::Live(job) | Enqueued::Replayed(job) => Ok(job),
        Enqueued::Foreign { next_attempt_ms, now_ms } => {
            Err(limited(Reason::LiveJob, next_attempt_ms, now_ms))
        }
        Enqueued::Limited { limit, next_attempt_ms, now_ms, .. } => {
            Err(limited(limit, next_attempt_ms, now_ms))
        }
        Enqueued::KeyReused => Err(ApiError::KeyReused(idempotency_key::reused(headers))),
        Enqueued::Overloaded { retry_after_ms } => Err(ApiError::BacklogTooLong { retry_after_ms }),
    }
}

/// The job's own answer if the server decides to wait and the job ends in time, else 202.
async fn answer(
    accepted: &AcceptedJob,
    href: &str,
    call: &Authorized<ApprovalCreate>,
    headers: &HeaderMap,
    app: &AppState,
) -> Response {
    let preferences = Preferences::of(headers);
    let wait = decision::decide(&app.sync, preferences, accepted);
    let waited = match wait {
        // The rare path is boxed, so that the future of the usual one stays small.
        Some(limit) => Box::pin(decision::wait_for_answer(app, call, &accepted.job, limit)).await,
        None => decision::WaitResult::default(),
    };
    let was_kept = waited.at_all || waited.answer.is_some();
    let answer = waited.answer.unwrap_or_else(|| pending(accepted, href, &call.context));
    let mut response = answer.into_response();
    let applied = match wait {
        Some(limit) if was_kept && decision::is_asked_for(&app.sync, preferences) => {
            Some(wait_applied(limit))
        }
        None if preferences.respond_async => Some(HeaderValue::from_static("respond-async")),
        _ => None,
    };
    response.headers_mut().extend(applied.map(|applied| (PREFERENCE_APPLIED, applied)));
    response
}

fn pending(accepted: &AcceptedJob, href: &str, context: &RequestContext) -> Result<Response, ApiError> {
    let view = PendingView::new(accepted.eta_ms, href);
    let mut response = envelope::success(StatusCode::ACCEPTED, view, context)?;
    let retry_after = seconds_until(accepted.eta_ms, accepted.now_ms);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after));
    Ok(response)
}

/// Links the job that an answer is about: `Link` (RFC 8631), and `Location` unless the answer is an error.
fn name_job(response: &mut Response, href: &str) {
    let is_error = !response.status().is_success();
    let link = HeaderValue::try_from(format!("<{href}>; rel=\"status\""));
    let location = HeaderValue::try_from(href);
    let headers = response.headers_mut();
    // Both are visible ASCII, because the setting that they are made from is.
    headers.extend(link.ok().map(|link| (LINK, link)));
    headers.extend(location.ok().filter(|_| !is_error).map(|location| (LOCATION, location)));
}
