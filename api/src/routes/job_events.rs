//! `GET /Jobs/{id}/events`: the job as a stream of server-sent events. There is one event for each status, named after
//! it; the stream ends after the last.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use shared::domain::ids::JobId;
use shared::domain::job::Job;
use shared::runtime::http::RequestGuard;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::extractors::authorized::{Authorized, JobRead, RequiredScope};
use super::extractors::path::JobPath;
use crate::jobs::wait::{Wait, WakeUp};
use crate::paths;
use crate::request::context::RequestContext;
use crate::responses::error::ApiError;
use crate::responses::job::JobView;
use crate::responses::outcomes::StreamOutcomes;
use crate::responses::{envelope, etag};
use crate::state::AppState;

/// Time between two comments that keep proxies from closing a silent stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Longest a stream lasts: the default deadline of a job. Clients that need longer connect again.
const LONGEST: Duration = Duration::from_mins(5);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Keeps a proxy from buffering events.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// Follows a job in a separate task, so that the stream ends in time even if its client does not read.
struct JobEventStream {
    app: AppState,
    context: RequestContext,
    /// The request's credentials: checked again before each event, because a token may expire or be revoked.
    headers: HeaderMap,
    job: Job,
    /// The id of the last event that the client has.
    sent: Option<String>,
    wait: Wait,
    /// Keeps the request open for as long as the stream lasts.
    _open: RequestGuard,
}

/// A job, as a stream of server-sent events.
///
/// There is one event for each status, named after it; after the last one the stream ends.
#[utoipa::path(
    get, path = paths::JOB_EVENTS, tag = "jobs", operation_id = "followJob",
    params(
        ("id" = String, Path, description = "The job", example = "NBXk9EyErUZv1RhXgyvgg"),
        ("Last-Event-ID" = Option<String>, Header, nullable = false, description = "The id of the last event received"),
        ("X-Request-Id" = Option<String>, Header, nullable = false, description = "1 to 128 visible characters, echoed"),
    ),
    responses(StreamOutcomes<'_>), security(("bearer" = ["job:read"])),
)]
pub(crate) async fn events(
    State(app): State<AppState>,
    call: Authorized<JobRead>,
    JobPath(id): JobPath,
    version: Version,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    call.context.set_job(&id);
    let lifetime = call.principal.lasts(LONGEST);
    let wait = app.waiter.begin(&id, &call.principal.client, lifetime);
    let job = app.jobs.owned(&id, &call.principal.client).await?.job;
    let sent = last_event(&headers);
    if job.end.is_some() && sent.as_deref() == Some(etag::event_id(&job).as_str()) {
        // Browsers connect again after the end; this tells them not to (HTML, 9.2.3).
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    // Without a place to wait there is no stream: the client may poll, or try again.
    let wait = wait.ok_or(ApiError::Overloaded)?;
    let open = call.deadline.connection().begin(version);
    let stream = JobEventStream { app, context: call.context, headers, job, sent, wait, _open: open };
    Ok(streamed(stream, Instant::now() + lifetime))
}

fn last_event(headers: &HeaderMap) -> Option<String> {
    headers.get(LAST_EVENT_ID)?.to_str().ok().map(str::to_owned)
}

fn streamed(events: JobEventStream, end: Instant) -> Response {
    let (newest, receiver) = watch::channel(None);
    tokio::spawn(events.run(newest, end));
    let body = stream::unfold(receiver, async |mut receiver| {
        receiver.changed().await.ok()?;
        let event = receiver.borrow_and_update().clone()?;
        Some((Ok::<Event, Infallible>(event), receiver))
    });
    let mut response = Sse::new(body).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(UNBUFFERED.0, UNBUFFERED.1);
    response
}

impl JobEventStream {
    /// Keeps the newest event ready until the job or the stream's time ends, the process stops, or the client
    /// disconnects. It does not wait for readers: a slow client gets only the newest event, and one that never reads
    /// keeps its place no longer than its job lasts.
    async fn run(mut self, newest: watch::Sender<Option<Event>>, end: Instant) {
        let stopping = self.app.stopping.clone();
        let follow = async {
            while let Some(event) = self.next().await {
                newest.send_replace(Some(event));
                if self.job.end.is_some() {
                    return;
                }
            }
        };
        tokio::select! {
            biased;
            _ = timeout_at(end, follow) => {}
            () = newest.closed() => {}
            () = stopping.cancelled() => {}
        }
    }

    /// The next event; `None` if there are no more, or if the client should connect again.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let id = etag::event_id(&self.job);
            if self.sent.as_ref() != Some(&id) {
                let event = self.event(&id);
                self.sent = Some(id);
                return event;
            }
            if self.wait.woken().await != WakeUp::Changed {
                return None;
            }
            let job = self.job.id.clone();
            self.job = self.read_again(&job).await?;
        }
    }

    async fn read_again(&self, job: &JobId) -> Option<Job> {
        let (scope, origin) = (JobRead::SCOPE, self.context.origin());
        let principal = self.app.authenticator.authorize(scope, &self.headers, origin).await.ok()?;
        Some(self.app.jobs.owned(job, &principal.client).await.ok()?.job)
    }

    fn event(&self, id: &str) -> Option<Event> {
        let href = self.app.http.job_href.of(&self.job.id);
        let view = JobView::new(&self.job, &href).ok()?;
        let name = view.status();
        let body = envelope::success_text(StatusCode::OK, view, &self.context).ok()?;
        Some(Event::default().event(name).id(id).data(String::from_utf8(body).ok()?))
    }
}
