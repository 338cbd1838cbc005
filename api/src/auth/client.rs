//! Calls to a provider: limited in number, time and size, and never redirected. Their health is recorded, which logs
//! when the provider goes down and when it is back.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use metrics::histogram;
use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect};
use shared::telemetry::upstream_health::{CallResult, HealthHints, HealthSnapshot, UpstreamHealth};
use shared::telemetry::{LogThrottle, connect_failure, metric};

use super::Origin;
use super::cache::ProviderUnavailable;
use super::question_limit::QuestionLimit;

const CONNECT_LIMIT: Duration = Duration::from_secs(1);
const TOTAL_LIMIT: Duration = Duration::from_secs(2);

/// Longest answer read, in bytes.
const SIZE_LIMIT: usize = 64 * 1024;

/// The HTTP client of one provider.
pub(super) struct ProviderClient {
    http: Client,
    name: &'static str,
    health: UpstreamHealth,
    limit: QuestionLimit,
}

/// Why there is no answer. Contains neither a token, nor a URL that may hold one, nor the body.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// No connection, or none in time.
    #[error("no connection: {0}")]
    NoConnection(String),
    /// No answer, or only the beginning of one.
    #[error("{0}")]
    Transport(#[source] reqwest::Error),
    /// A status that says nothing about the token.
    #[error("answered {0}")]
    Status(StatusCode),
    /// A body over the limit.
    #[error("answered more than {SIZE_LIMIT} bytes")]
    TooLong,
    /// A body of an unexpected form.
    #[error("answered with something other than its protocol")]
    Unreadable,
}

impl ProviderClient {
    /// A client with this name and the setting of its credentials; nothing is called yet.
    pub(super) fn new(name: &'static str, credentials: &'static str) -> Result<Self, reqwest::Error> {
        let http = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .timeout(TOTAL_LIMIT)
            // Only settings decide where tokens go, not a proxy variable of the environment.
            .no_proxy()
            .build()?;
        let hints = HealthHints { url: "RESEND_AUTH_URL", credentials };
        let health = UpstreamHealth::new(format!("tokens {name}"), hints);
        Ok(Self { http, name, health, limit: QuestionLimit::default() })
    }

    /// The underlying HTTP client.
    pub(super) fn http(&self) -> &Client {
        &self.http
    }

    /// Calls the provider for one of our requests, and parses status and body with `read`.
    pub(super) async fn ask<T>(
        &self,
        question: RequestBuilder,
        origin: Origin<'_>,
        read: impl FnOnce(StatusCode, &[u8]) -> Result<T, CallError>,
    ) -> Result<T, ProviderUnavailable> {
        let Some(_permit) = self.limit.acquire(origin.address) else {
            return Err(self.turned_away());
        };
        let _call = self.health.begin();
        let started = Instant::now();
        let answer = call(question, origin).await;
        let answer = answer.and_then(|(status, body)| read(status, &body));
        let result = if answer.is_ok() { "ok" } else { "error" };
        histogram!(metric::UPSTREAM_SECONDS, "service" => self.name, "result" => result)
            .record(started.elapsed());
        let (result, said) = answer.as_ref().err().map_or((CallResult::Good, "ok".into()), CallError::judged);
        self.health.note(result, &said, started.elapsed());
        self.log(answer.as_ref().err());
        answer.map_err(|_| ProviderUnavailable::Failed)
    }

    fn turned_away(&self) -> ProviderUnavailable {
        static THROTTLE: LogThrottle = LogThrottle::new();
        if let Some(suppressed) = THROTTLE.allow() {
            tracing::warn!(
                service = self.name,
                suppressed,
                "too many unknown tokens at once: more are answered 503"
            );
        }
        ProviderUnavailable::Busy
    }

    /// Logs a failure with its cause, at most once a second because every request may fail during an outage.
    fn log(&self, error: Option<&CallError>) {
        static THROTTLE: LogThrottle = LogThrottle::new();
        if let Some(error) = error
            && let Some(suppressed) = THROTTLE.allow()
        {
            let service = self.name;
            tracing::warn!(
                service,
                %error,
                suppressed,
                "a token cannot be checked: its request is answered 503"
            );
        }
    }

    /// The health of the provider.
    pub(super) fn health(&self) -> HealthSnapshot {
        self.health.snapshot()
    }
}

impl CallError {
    /// What the failure means for the provider's health, and its description.
    fn judged(&self) -> (CallResult, Cow<'static, str>) {
        let answer = match self {
            Self::NoConnection(_) => "no connection".into(),
            Self::Transport(_) => "no answer".into(),
            Self::Status(status) => format!("status {}", status.as_u16()).into(),
            Self::TooLong => "more than is read".into(),
            Self::Unreadable => "nonsense".into(),
        };
        let is_refusal = matches!(self, Self::Status(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN));
        (if is_refusal { CallResult::Closed } else { CallResult::Failed }, answer)
    }
}

async fn call(question: RequestBuilder, origin: Origin<'_>) -> Result<(StatusCode, Vec<u8>), CallError> {
    let answer = origin.add_to(question).send().await?;
    Ok((answer.status(), read_all(answer).await?))
}

async fn read_all(mut answer: Response) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > SIZE_LIMIT {
            return Err(CallError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

impl From<reqwest::Error> for CallError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_connect() {
            return Self::NoConnection(connect_failure(&error));
        }
        Self::Transport(error.without_url())
    }
}
