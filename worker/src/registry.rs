//! The registry of persons and approvals: two reads, each parsed only as far as the decision needs.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use shared::domain::UnreadableMember;
use shared::domain::approval::Approval;
use shared::domain::ids::{ApprovalId, PatientId};
use shared::domain::person::Person;
use shared::telemetry::span;
use shared::telemetry::upstream_health::{CallResult, HealthHints, HealthSnapshot, UpstreamHealth};

use crate::config::RegistryConfig;
use crate::upstream::{Answer, HttpClient, Origin, Upstream};

/// Most bytes read of an answer: an approval may grant access to thousands of resources.
const BODY_LIMIT: usize = 1024 * 1024;

/// Why a read of the registry failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It answered 404 and said in JSON that the item does not exist. Nothing else ever counts as "not found".
    #[error("the registry has nothing with these ids")]
    NotFound,
    /// It answered with an error, a redirect or nonsense.
    #[error("the registry failed")]
    Failed {
        /// Its `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// It could not be reached or did not answer in time.
    #[error("the registry did not answer")]
    Silent,
    /// Its answer is longer than 1 MiB, and will be again next time.
    #[error("the registry's answer is longer than {BODY_LIMIT} bytes")]
    TooLarge,
    /// A member of its answer violates the contract, and will do so again next time.
    #[error("the registry's answer: {0}")]
    Unreadable(#[from] UnreadableMember),
}

const FAILED: RegistryError = RegistryError::Failed { retry_after: None };

/// The settings to look at while it is down.
const HINTS: HealthHints = HealthHints { url: "RESEND_REGISTRY_URL", credentials: "RESEND_REGISTRY_TOKEN" };

/// The client.
pub struct Registry {
    upstream: Upstream,
    base: String,
    health: UpstreamHealth,
}

#[derive(Deserialize)]
struct Envelope {
    data: Map<String, Value>,
}

#[derive(Deserialize)]
struct ErrorEnvelope {
    error: ErrorKind,
}

#[derive(Deserialize)]
struct ErrorKind {
    #[serde(rename = "type")]
    kind: String,
}

impl Registry {
    /// A client of the registry at the configured URL.
    pub fn new(config: &RegistryConfig, client: &HttpClient) -> Self {
        let upstream = Upstream::new(client, "registry", config.authorization.as_ref(), config.limit);
        let upstream = upstream.with_body_limit(BODY_LIMIT);
        Self { upstream, base: config.url.clone(), health: UpstreamHealth::new("registry", HINTS) }
    }

    /// The person. An answer about another person is an error of the registry.
    pub async fn person(&self, patient: PatientId, origin: Origin<'_>) -> Result<Person, RegistryError> {
        let url = format!("{}/persons/{patient}", self.base);
        let person = Person::from_registry(&self.get(span::REGISTRY_PERSON, &url, origin).await?)?;
        if person.id == patient.0 { Ok(person) } else { Err(FAILED) }
    }

    /// The approval under these two ids; the caller must check whether it is that patient's.
    pub async fn approval(
        &self,
        patient: PatientId,
        approval: ApprovalId,
        origin: Origin<'_>,
    ) -> Result<Approval, RegistryError> {
        let url = format!("{}/patients/{patient}/approvals/{approval}", self.base);
        Ok(Approval::from_registry(self.get(span::REGISTRY_APPROVAL, &url, origin).await?)?)
    }

    /// `data` of the answer.
    async fn get(&self, what: &'static str, url: &str, origin: Origin<'_>) -> Result<Value, RegistryError> {
        let start = Instant::now();
        let _call = self.health.begin();
        let called = self.upstream.call_as(what, self.upstream.get(url), origin).await;
        let read = called.map_err(|_| RegistryError::Silent).and_then(|answer| {
            let data = read(&answer);
            self.note(&data, Some(answer.status), start);
            data
        });
        if let Err(RegistryError::Silent) = read {
            self.note(&read, None, start);
        }
        read
    }

    /// Its health.
    pub fn health(&self) -> HealthSnapshot {
        self.health.snapshot()
    }

    fn note(&self, read: &Result<Value, RegistryError>, status: Option<StatusCode>, start: Instant) {
        let took = start.elapsed();
        if let Ok(_) | Err(RegistryError::NotFound) = read {
            return self.health.note(CallResult::Good, "ok", took);
        }
        let is_refusal = matches!(status, Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN));
        let result = if is_refusal { CallResult::Closed } else { CallResult::Failed };
        match status {
            Some(status) => self.health.note(result, &format!("status {}", status.as_u16()), took),
            None => self.health.note(result, "no answer", took),
        }
    }
}

fn read(answer: &Answer) -> Result<Value, RegistryError> {
    match answer.status {
        StatusCode::OK if answer.is_too_large() => Err(RegistryError::TooLarge),
        StatusCode::OK => answer.json::<Envelope>().map(|it| it.data.into()).ok_or(FAILED),
        StatusCode::NOT_FOUND if says_not_found(answer) => Err(RegistryError::NotFound),
        _ => Err(RegistryError::Failed { retry_after: answer.retry_after }),
    }
}

/// A 404 by the registry itself. A proxy or a wrong URL also answers 404, which must not tell a doctor that the patient
/// does not exist.
fn says_not_found(answer: &Answer) -> bool {
    answer.json::<ErrorEnvelope>().is_some_and(|it| it.error.kind == "not_found")
}

#[cfg(test)]
mod tests;
