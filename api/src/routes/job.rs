//! `GET /Jobs/{id}`: where a job stands and how it ended (section 3 of the contract).

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ETAG, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use shared::domain::clock;
use shared::domain::job::Job;

use crate::auth::Scope;
use crate::jobs::reader::{job_id, owned_job};
use crate::jobs::wait;
use crate::middleware::concurrency::Turn;
use crate::request::context::RequestContext;
use crate::request::preferences::{PREFERENCE_APPLIED, Preferences, wait_applied};
use crate::responses::envelope;
use crate::responses::error::{ApiError, seconds_until};
use crate::responses::etag;
use crate::responses::job::JobView;
use crate::responses::outcomes::JobOutcomes;
use crate::state::Api;

/// Longest a long poll lasts, below the time-outs usual in proxies.
const LONGEST_POLL: Duration = Duration::from_secs(30);

/// Where a job stands, and how it ended.
///
/// Only the client that made a job can read it.
#[utoipa::path(
    get, path = "/Jobs/{id}", tag = "jobs", operation_id = "showJob",
    params(
        ("id" = String, Path, description = "The job", example = "NBXk9EyErUZv1RhXgyvgg"),
        ("Prefer" = Option<String>, Header, nullable = false, description = "`wait=N` seconds, at most 30: a long poll (RFC 7240)"),
        ("If-None-Match" = Option<String>, Header, nullable = false, description = "The `ETag` of what is known already"),
        ("X-Request-Id" = Option<String>, Header, nullable = false, description = "1 to 128 visible characters, echoed"),
    ),
    responses(JobOutcomes<'_>), security(("bearer" = ["job:read"])),
)]
pub(crate) async fn show(State(api): State<Arc<Api>>, request: Request) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let context = RequestContext::of(&parts.extensions).ok_or(ApiError::Internal)?;
    let turn = Turn::of(&parts.extensions).ok_or(ApiError::Internal)?;
    let caller = api.authenticator.authorize(Scope::JobRead, &parts.headers, context.origin()).await?;
    let id = job_id(parts.uri.path().rsplit('/').next())?;
    let poll = poll(&parts.headers);
    let job = match poll {
        None => owned_job(&id, &caller.client, &api).await?,
        // The rare way is boxed, so that the usual one stays small.
        Some(limit) => Box::pin(wait::for_end(&api, turn, &id, &caller.client, caller.lasts(limit))).await?,
    };
    let tag = etag::of(&job);
    let mut response =
        if etag::is_known(&parts.headers, &tag) { not_modified() } else { shown(&job, context, &api)? };
    add_headers(&mut response, &job, tag, poll);
    Ok(response)
}

/// How long the client would rather wait than poll.
fn poll(headers: &HeaderMap) -> Option<Duration> {
    let wait = Preferences::of(headers).wait?.min(LONGEST_POLL);
    (!wait.is_zero()).then_some(wait)
}

fn not_modified() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}

fn shown(job: &Job, context: &RequestContext, api: &Api) -> Result<Response, ApiError> {
    let href = api.job_href.of(&job.id);
    let view = JobView::new(job, &href).map_err(|_| ApiError::Internal)?;
    envelope::success(StatusCode::OK, view, context)
}

fn add_headers(response: &mut Response, job: &Job, tag: String, poll: Option<Duration>) {
    let headers = response.headers_mut();
    // Always a header: status word, digits and quotes.
    headers.extend(HeaderValue::try_from(tag).ok().map(|tag| (ETAG, tag)));
    headers.extend(poll.map(|limit| (PREFERENCE_APPLIED, wait_applied(limit))));
    if job.end.is_none() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds_until(job.eta_ms, clock::now_ms())));
    }
}
