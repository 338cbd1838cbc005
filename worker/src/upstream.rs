//! What all upstream calls share: the origin of a call, its time limit, no redirects, and a limit on the size of an
//! answer. The caller interprets the answer.

mod answer;

use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use shared::domain::ids::{RequestId, TraceParent};
use shared::domain::message::Message;
use shared::telemetry::span::Span;
use shared::telemetry::{LogThrottle, connect_failure, metric};

pub use answer::Answer;

/// Longest a connection may take: name lookup, TCP and TLS.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// How long an idle connection is kept. Common servers close theirs after 5 s, and if a request is written just then,
/// nobody knows whether it arrived.
const IDLE_LIMIT: Duration = Duration::from_secs(4);

/// Most bytes read of an answer, unless the service has a limit of its own; a longer one is an error.
const BODY_LIMIT: usize = 64 * 1024;

/// The origin of a call: the request that created the job, and its trace.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Sent as `X-Request-Id`.
    pub request: &'a RequestId,
    /// Sent as `traceparent`.
    pub trace: Option<&'a TraceParent>,
}

impl<'a> From<&'a Message> for Origin<'a> {
    fn from(message: &'a Message) -> Self {
        Self { request: &message.request, trace: message.trace.as_ref() }
    }
}

/// The HTTP client of a process: one for all services, because each client would keep its own copy of the system's
/// certificates.
#[derive(Clone)]
pub struct HttpClient(Client);

/// One service, and how to call it.
pub struct Upstream {
    client: HttpClient,
    authorization: Option<HeaderValue>,
    limit: Duration,
    service: &'static str,
    body_limit: usize,
    unreachable: LogThrottle,
}

/// Why no answer arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There was never a connection, so the service certainly has not seen the request.
    #[error("could not be reached")]
    Unreachable,
    /// The request may have arrived: the time ran out or the connection was cut.
    #[error("did not answer")]
    Unanswered,
}

impl HttpClient {
    /// The error is that of a client that cannot be made: no certificates, no cryptography.
    pub fn new() -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .pool_idle_timeout(IDLE_LIMIT)
            .user_agent(concat!("resend-worker/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self(client))
    }
}

impl Upstream {
    /// The way to `service` (a metric label); calls take at most `limit`, body included.
    pub fn new(
        client: &HttpClient,
        service: &'static str,
        authorization: Option<&HeaderValue>,
        limit: Duration,
    ) -> Self {
        let (client, authorization) = (client.clone(), authorization.cloned());
        Self {
            client,
            authorization,
            limit,
            service,
            body_limit: BODY_LIMIT,
            unreachable: LogThrottle::new(),
        }
    }

    /// Sets how many bytes are read of an answer.
    #[must_use]
    pub fn with_body_limit(self, body_limit: usize) -> Self {
        Self { body_limit, ..self }
    }

    /// A GET, to be handed to `call`.
    pub fn get(&self, url: &str) -> RequestBuilder {
        self.with_defaults(self.client.0.get(url))
    }

    /// A POST, to be handed to `call`.
    pub fn post(&self, url: &str) -> RequestBuilder {
        self.with_defaults(self.client.0.post(url))
    }

    fn with_defaults(&self, request: RequestBuilder) -> RequestBuilder {
        let request = request.timeout(self.limit);
        self.authorization.iter().fold(request, |request, value| request.header(AUTHORIZATION, value))
    }

    /// Makes the call and reads the answer, within the limits.
    pub async fn call(&self, request: RequestBuilder, origin: Origin<'_>) -> Result<Answer, CallError> {
        self.call_as(self.service, request, origin).await
    }

    /// Makes the call under its own name in the trace.
    pub async fn call_as(
        &self,
        what: &'static str,
        request: RequestBuilder,
        origin: Origin<'_>,
    ) -> Result<Answer, CallError> {
        let span = Span::client(what, self.service, origin.trace);
        let mut request = request.header("x-request-id", origin.request.as_str());
        if let Some(trace) = span.or(origin.trace) {
            request = request.header("traceparent", trace.as_str());
        }
        let start = Instant::now();
        let answer = match request.send().await {
            Ok(response) => Ok(Answer::read(response, self.body_limit).await),
            Err(error) => Err(self.failed(&error)),
        };
        let (service, result) = (self.service, result(&answer));
        metrics::histogram!(metric::UPSTREAM_SECONDS, "service" => service, "result" => result)
            .record(start.elapsed());
        let status = answer.as_ref().map(|answer| answer.status.as_u16()).ok();
        tracing::debug!(service, result, status, "upstream call");
        note(&span, result, status);
        answer
    }
}

impl Upstream {
    /// Logs what prevented the connection, for instance a certificate, which "unreachable" would not reveal.
    fn failed(&self, error: &reqwest::Error) -> CallError {
        let failed = CallError::from_error(error);
        if failed == CallError::Unreachable
            && let Some(suppressed) = self.unreachable.allow()
        {
            let (service, cause) = (self.service, connect_failure(error));
            tracing::warn!(service, cause, suppressed, "no connection to an upstream");
        }
        failed
    }
}

fn note(span: &Span, result: &'static str, status: Option<u16>) {
    if let Some(status) = status {
        span.status(status);
    }
    // By the HTTP conventions, a client's span has failed from 400 on.
    if result == "2xx" { span.result(result) } else { span.fail(result) }
}

impl CallError {
    fn from_error(error: &reqwest::Error) -> Self {
        // A request that could not even be built was certainly not sent.
        if error.is_connect() || error.is_builder() { Self::Unreachable } else { Self::Unanswered }
    }
}

/// The `result` label of the metric.
fn result(answer: &Result<Answer, CallError>) -> &'static str {
    match answer {
        Ok(answer) if !answer.is_readable() => "unreadable",
        Ok(answer) => match answer.status.as_u16() {
            200..=299 => "2xx",
            300..=399 => "3xx",
            400..=499 => "4xx",
            _ => "5xx",
        },
        Err(CallError::Unreachable) => "unreachable",
        Err(CallError::Unanswered) => "silent",
    }
}
