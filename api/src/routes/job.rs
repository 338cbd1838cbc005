//! `GET /Jobs/{id}`: the state of a job and how it ended (section 3 of the contract).

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ETAG, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use super::extractors::authorized::{Authorized, JobRead};
use super::extractors::path::JobPath;
use crate::jobs::reader::ReadJob;
use crate::paths;
use crate::request::context::RequestContext;
use crate::request::preferences::{PREFERENCE_APPLIED, Preferences, wait_applied};
use crate::responses::error::{ApiError, seconds_until};
use crate::responses::job::JobView;
use crate::responses::outcomes::JobOutcomes;
use crate::responses::{envelope, etag};
use crate::state::AppState;

/// Longest long poll, below the time-outs that are usual in proxies.
const LONGEST_POLL: Duration = Duration::from_secs(30);

/// The state of a job, and how it ended.
///
/// Only the client that made a job can read it.
#[utoipa::path(
    get, path = paths::JOB, tag = "jobs", operation_id = "showJob",
    params(
        ("id" = String, Path, description = "The job", example = "NBXk9EyErUZv1RhXgyvgg"),
        ("Prefer" = Option<String>, Header, nullable = false, description = "`wait=N` seconds, at most 30: a long poll (RFC 7240)"),
        ("If-None-Match" = Option<String>, Header, nullable = false, description = "The `ETag` of the state the client has"),
        ("X-Request-Id" = Option<String>, Header, nullable = false, description = "1 to 128 visible characters, echoed"),
    ),
    responses(JobOutcomes<'_>), security(("bearer" = ["job:read"])),
)]
pub(crate) async fn show(
    State(app): State<AppState>,
    call: Authorized<JobRead>,
    JobPath(id): JobPath,
    request: Request,
) -> Result<Response, ApiError> {
    let headers = request.into_parts().0.headers;
    call.context.set_job(&id);
    let poll = poll(&headers).map(|limit| call.principal.lasts(limit));
    let owner = (&id, &call.principal.client);
    let (read, waited) = match poll {
        None => (app.jobs.owned(owner.0, owner.1).await?, false),
        // The rare path is boxed, so that the future of the usual one stays small.
        Some(limit) => Box::pin(app.waiter.for_end(&app.jobs, &call.deadline, owner, limit)).await?,
    };
    let tag = etag::of(&read.job);
    let mut response =
        if etag::is_known(&headers, &tag) { not_modified() } else { shown(&read, &call.context, &app)? };
    add_headers(response.headers_mut(), &read, tag);
    let applied = poll.filter(|_| waited).map(wait_applied);
    response.headers_mut().extend(applied.map(|applied| (PREFERENCE_APPLIED, applied)));
    Ok(response)
}

/// How long the client wants to wait instead of polling.
fn poll(headers: &HeaderMap) -> Option<Duration> {
    let wait = Preferences::of(headers).wait?.min(LONGEST_POLL);
    (!wait.is_zero()).then_some(wait)
}

fn not_modified() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}

fn shown(read: &ReadJob, context: &RequestContext, app: &AppState) -> Result<Response, ApiError> {
    let href = app.http.job_href.of(&read.job.id);
    let view = JobView::new(&read.job, &href).map_err(|_| ApiError::Internal)?;
    envelope::success(StatusCode::OK, view, context)
}

fn add_headers(headers: &mut HeaderMap, read: &ReadJob, tag: String) {
    // Always a valid header: status word, digits and quotes.
    headers.extend(HeaderValue::try_from(tag).ok().map(|tag| (ETAG, tag)));
    let retry_at_ms = match &read.job.end {
        None => Some(read.job.eta_ms),
        Some(end) => end.next_attempt_ms(),
    };
    let retry_after = retry_at_ms.map(|then| seconds_until(then, read.now_ms));
    headers.extend(retry_after.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
}
