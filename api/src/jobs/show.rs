//! `GET /Jobs/{id}`: where a job stands and how it ended (section 3 of the contract).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ETAG, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::Response;
use shared::clock;
use shared::ids::{ClientId, JobId};
use shared::job::Job;

use super::etag;
use super::view::JobView;
use crate::auth::Scope;
use crate::envelope;
use crate::error::{ApiError, seconds_until};
use crate::request_context::RequestContext;
use crate::state::Api;

/// The handler.
pub(crate) async fn show(State(api): State<Arc<Api>>, request: Request) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let context = RequestContext::of(&parts.extensions).ok_or(ApiError::Internal)?;
    let caller = api.authenticator.admit(Scope::JobRead, &parts.headers, context).await?;
    let job = job_of(&caller.client, &parts.uri, &api).await?;
    let tag = etag::of(&job);
    let mut response =
        if etag::is_known(&parts.headers, &tag) { not_modified() } else { shown(&job, context, &api)? };
    add_headers(&mut response, &job, tag);
    Ok(response)
}

/// The job this client may read. Ids that are none, nobody's or somebody else's are not told apart.
async fn job_of(client: &ClientId, uri: &Uri, api: &Api) -> Result<Job, ApiError> {
    let last = uri.path().rsplit('/').next().unwrap_or_default();
    let id: JobId = last.parse().map_err(|_| ApiError::JobNotFound)?;
    let job = api.queue.job(&id).await.map_err(|error| api.queue_trouble.refuse(&error))?;
    job.filter(|job| job.client == *client).ok_or(ApiError::JobNotFound)
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

fn add_headers(response: &mut Response, job: &Job, tag: String) {
    let headers = response.headers_mut();
    // Always a header: status word, digits and quotes.
    headers.extend(HeaderValue::try_from(tag).ok().map(|tag| (ETAG, tag)));
    if job.end.is_none() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds_until(job.eta_ms, clock::now_ms())));
    }
}
