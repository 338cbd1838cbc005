//! The call to the authorization server: bounded in time and size, never redirected, logged when it starts and stops
//! failing rather than for every request.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use metrics::histogram;
use reqwest::{Client, Response, StatusCode, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use shared::telemetry::metric;

use super::answer::Answer;
use crate::auth::cache::{NoAnswer, Verdict};
use crate::config::IntrospectionConfig;
use crate::request_context::{RequestContext, TRACEPARENT, X_REQUEST_ID};

const CONNECT_LIMIT: Duration = Duration::from_secs(1);
const TOTAL_LIMIT: Duration = Duration::from_secs(2);

/// Longest answer read, in bytes.
const SIZE_LIMIT: usize = 64 * 1024;

/// Where to ask.
pub(super) struct Endpoint {
    http: Client,
    url: Url,
    client_id: String,
    client_secret: SecretString,
    failing: AtomicBool,
}

/// Why there is no answer. Neither the token nor what was answered is part of it.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("{0}")]
    Transport(#[from] reqwest::Error),
    #[error("answered {0}")]
    Status(StatusCode),
    #[error("answered more than {SIZE_LIMIT} bytes")]
    TooLong,
    #[error("answered what RFC 7662 does not know")]
    Unreadable,
}

impl Endpoint {
    pub(super) fn new(config: &IntrospectionConfig) -> Result<Self, reqwest::Error> {
        let http = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .timeout(TOTAL_LIMIT)
            // Only settings decide where tokens go, not a proxy variable of the environment.
            .no_proxy()
            .build()?;
        let IntrospectionConfig { url, client_id, client_secret } = config.clone();
        Ok(Self { http, url, client_id, client_secret, failing: AtomicBool::new(false) })
    }

    /// What the server says of this token.
    pub(super) async fn ask(&self, token: &str, context: &RequestContext) -> Result<Verdict, NoAnswer> {
        let started = Instant::now();
        let answer = self.call(token, context).await;
        let result = if answer.is_ok() { "ok" } else { "error" };
        histogram!(metric::UPSTREAM_SECONDS, "service" => "introspection", "result" => result)
            .record(started.elapsed());
        self.note(&answer);
        answer.map(Answer::verdict).map_err(|_| NoAnswer)
    }

    async fn call(&self, token: &str, context: &RequestContext) -> Result<Answer, CallError> {
        let mut request = self
            .http
            .post(self.url.clone())
            .basic_auth(&self.client_id, Some(self.client_secret.expose_secret()))
            .header(X_REQUEST_ID, context.request_id.as_str())
            .form(&[("token", token)]);
        if let Some(trace) = &context.trace {
            request = request.header(TRACEPARENT, trace.as_str());
        }
        let response = request.send().await?;
        if response.status() != StatusCode::OK {
            return Err(CallError::Status(response.status()));
        }
        serde_json::from_slice(&read(response).await?).map_err(|_| CallError::Unreadable)
    }

    fn note(&self, answer: &Result<Answer, CallError>) {
        match answer {
            Ok(_) if self.failing.swap(false, Ordering::Relaxed) => {
                tracing::info!("introspection answers again");
            }
            Err(error) if !self.failing.swap(true, Ordering::Relaxed) => {
                tracing::warn!(%error, "introspection fails, requests are answered 503 until it answers");
            }
            _ => {}
        }
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > SIZE_LIMIT {
            return Err(CallError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
