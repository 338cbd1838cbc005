//! The registry of persons and approvals: two reads, and no more of an answer than the decision needs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use shared::domain::approval::Approval;
use shared::domain::ids::{ApprovalId, PatientId};
use shared::domain::person::Person;
use shared::telemetry::span;
use uuid::Uuid;

use crate::config::RegistryConfig;
use crate::upstream::{Answer, Origin, Upstream};

/// Why the registry did not bring what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It answered 404. Nothing else is ever read as "not found".
    #[error("the registry knows nothing by these ids")]
    NotFound,
    /// It answered with an error, a redirect or nonsense.
    #[error("the registry failed")]
    Failed {
        /// Its `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// It was not reached or did not answer in time.
    #[error("the registry did not answer")]
    Silent,
}

/// The client.
pub struct Registry {
    upstream: Upstream,
    base: String,
    turned_away: AtomicBool,
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Deserialize)]
struct Identified {
    id: Uuid,
    #[serde(flatten)]
    person: Person,
}

impl Registry {
    /// A client of the registry at the configured URL.
    pub fn new(config: &RegistryConfig) -> Result<Self, reqwest::Error> {
        let upstream = Upstream::new("registry", config.authorization.as_ref(), config.limit)?;
        Ok(Self { upstream, base: config.url.clone(), turned_away: AtomicBool::new(false) })
    }

    /// The person. An answer about somebody else is nonsense.
    pub async fn person(&self, patient: PatientId, origin: Origin<'_>) -> Result<Person, RegistryError> {
        let answer =
            self.get(span::REGISTRY_PERSON, &format!("{}/persons/{patient}", self.base), origin).await?;
        match answer.json::<Envelope<Identified>>() {
            Some(Envelope { data }) if data.id == patient.0 => Ok(data.person),
            _ => Err(RegistryError::Failed { retry_after: None }),
        }
    }

    /// The approval under these two ids; whether it is that patient's is for the caller to compare.
    pub async fn approval(
        &self,
        patient: PatientId,
        approval: ApprovalId,
        origin: Origin<'_>,
    ) -> Result<Approval, RegistryError> {
        let url = format!("{}/patients/{patient}/approvals/{approval}", self.base);
        let data = self.get(span::REGISTRY_APPROVAL, &url, origin).await?.json::<Envelope<Value>>();
        let approval = data.and_then(|envelope| Approval::from_registry(envelope.data).ok());
        approval.ok_or(RegistryError::Failed { retry_after: None })
    }

    async fn get(&self, what: &'static str, url: &str, origin: Origin<'_>) -> Result<Answer, RegistryError> {
        let called = self.upstream.call_as(what, self.upstream.get(url), origin).await;
        let answer = called.map_err(|_| RegistryError::Silent)?;
        self.note_refusal(answer.status);
        match answer.status {
            StatusCode::OK => Ok(answer),
            StatusCode::NOT_FOUND => Err(RegistryError::NotFound),
            _ => Err(RegistryError::Failed { retry_after: answer.retry_after }),
        }
    }

    /// Every job fails while our token is no good: said once, when it begins.
    fn note_refusal(&self, status: StatusCode) {
        let refused = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if refused && !self.turned_away.swap(true, Ordering::Relaxed) {
            tracing::error!(
                status = status.as_u16(),
                "the registry refuses our token: check RESEND_REGISTRY_TOKEN"
            );
        }
        if status.is_success() {
            self.turned_away.store(false, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
