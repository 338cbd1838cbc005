//! `GET /Jobs/{id}/events`: the same as the job itself, as a stream of server-sent events. There is one event for each
//! status, named after it; behind the last the stream ends.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use shared::domain::job::Job;

use crate::auth::{Principal, Scope};
use crate::jobs::reader::{job_id, owned_job};
use crate::jobs::wait::{Wait, Woken};
use crate::middleware::concurrency::Turn;
use crate::request::context::RequestContext;
use crate::responses::envelope;
use crate::responses::error::ApiError;
use crate::responses::etag;
use crate::responses::job::JobView;
use crate::responses::outcomes::StreamOutcomes;
use crate::server::OpenRequest;
use crate::state::Api;

/// Between two comments that keep proxies from closing a silent stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Longest a stream lasts: the default deadline of a job. Clients that want more connect again.
const LONGEST: Duration = Duration::from_mins(5);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Keeps a proxy from gathering events before it passes them on.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// What a stream holds between two events.
struct Following {
    api: Arc<Api>,
    context: RequestContext,
    /// What the client came with: looked at again before each event, for trust in a token ends.
    headers: HeaderMap,
    caller: Arc<Principal>,
    /// The job as it was read last, and the id of the event it was told by.
    job: Job,
    told: Option<String>,
    wait: Wait,
    /// The connection has a request as long as the stream lasts.
    _open: Option<OpenRequest>,
}

/// A job, as a stream of server-sent events.
///
/// There is one event for each status, named after it; behind the last the stream ends.
#[utoipa::path(
    get, path = "/Jobs/{id}/events", tag = "jobs", operation_id = "followJob",
    params(
        ("id" = String, Path, description = "The job", example = "NBXk9EyErUZv1RhXgyvgg"),
        ("Last-Event-ID" = Option<String>, Header, nullable = false, description = "The last event that was seen"),
        ("X-Request-Id" = Option<String>, Header, nullable = false, description = "1 to 128 visible characters, echoed"),
    ),
    responses(StreamOutcomes<'_>), security(("bearer" = ["job:read"])),
)]
pub(crate) async fn events(State(api): State<Arc<Api>>, request: Request) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let context = RequestContext::of(&parts.extensions).ok_or(ApiError::Internal)?;
    let caller = api.authenticator.authorize(Scope::JobRead, &parts.headers, context.origin()).await?;
    let id = job_id(parts.uri.path().rsplit('/').nth(1))?;
    // A stream that cannot wait is none: the client may poll, or try again.
    let wait = Wait::begin(&api, &id, caller.lasts(LONGEST));
    let job = owned_job(&id, &caller.client, &api).await?;
    let told = last_event(&parts.headers);
    if job.end.is_some() && told.as_deref() == Some(etag::event_id(&job).as_str()) {
        // Browsers connect again after the end; this tells them not to (HTML, 9.2.3).
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let wait = wait.ok_or(ApiError::BUSY)?;
    let open = Turn::of(&parts.extensions).map(|turn| turn.connection().begin(parts.version));
    let context = context.clone();
    Ok(streamed(Following { api, context, headers: parts.headers, caller, job, told, wait, _open: open }))
}

fn last_event(headers: &HeaderMap) -> Option<String> {
    headers.get(LAST_EVENT_ID)?.to_str().ok().map(str::to_owned)
}

fn streamed(following: Following) -> Response {
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    let mut response = Sse::new(following.events()).keep_alive(keep_alive).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(UNBUFFERED.0, UNBUFFERED.1);
    response
}

impl Following {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(Some(self), async |following| {
            let mut following = following?;
            let event = following.next().await?;
            let goes_on = following.job.end.is_none();
            Some((Ok(event), goes_on.then_some(following)))
        })
    }

    /// The next event; `None` when there is nothing more to tell, or when the client had better connect again.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let id = etag::event_id(&self.job);
            if self.told.as_ref() != Some(&id) {
                let event = self.event(&id);
                self.told = Some(id);
                return event;
            }
            if self.wait.woken(&self.api).await != Woken::Changed {
                return None;
            }
            let caller = self
                .api
                .authenticator
                .authorize(Scope::JobRead, &self.headers, self.context.origin())
                .await
                .ok()?;
            self.caller = caller;
            self.job = owned_job(&self.job.id, &self.caller.client, &self.api).await.ok()?;
        }
    }

    fn event(&self, id: &str) -> Option<Event> {
        let href = self.api.job_href.of(&self.job.id);
        let view = JobView::new(&self.job, &href).ok()?;
        let name = view.status();
        let body = envelope::success_text(StatusCode::OK, view, &self.context).ok()?;
        Some(Event::default().event(name).id(id).data(String::from_utf8(body).ok()?))
    }
}
