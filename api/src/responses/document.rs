//! The API described in its own terms (OpenAPI 3.1), from the handlers and the types of their answers.

mod aliases;
mod examples;

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::envelope::{ErrorView, Failure, Meta, Success};
use super::job::{FailedView, JobView, Link, PendingView, ProcessedView};
use super::schemas::{Approval, AuthenticationMethod, CodeToCheck, JobError, JobEvent};
use super::verification::VerificationView;
use crate::responses::violation::{Rule, Violation};

use aliases::Aliases;
use examples::Examples;

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Resend SMS on approval",
        description = "Asks that a patient be sent the one-time code of a medical approval again. The request is \
                       answered with a job; the job tells how it ended.",
    ),
    paths(
        crate::routes::resend::resend,
        crate::routes::job::show,
        crate::routes::job_events::events,
        crate::routes::verification::complete,
        crate::responses::document::served,
        crate::routes::docs::page,
        crate::responses::document::probes::healthz,
        crate::responses::document::probes::readyz,
        crate::responses::document::probes::metrics,
    ),
    components(schemas(
        Approval, AuthenticationMethod, JobError, JobEvent, CodeToCheck, VerificationView,
        JobView<'_>, PendingView<'_>, ProcessedView<'_>, FailedView<'_>, Link<'_>,
        Success<'_, Approval>, Success<'_, PendingView<'_>>, Success<'_, JobView<'_>>, Success<'_, VerificationView>,
        Failure<'_>, ErrorView<'_>, Violation, Rule, Meta<'_>,
    )),
    tags(
        (name = "approvals", description = "Asking for a code"),
        (name = "jobs", description = "What became of it"),
        (name = "verifications", description = "Checking a code that was made here"),
        (name = "service", description = "The service itself; no token is needed"),
    ),
    modifiers(&Bearer, &Examples, &Aliases),
)]
struct Document;

/// The document as text, written once.
pub(crate) static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
});

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "service", responses(
    (status = 200, description = "The OpenAPI document", content_type = "application/json", body = serde_json::Value),
))]
pub(crate) async fn served() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], TEXT.as_str())
}

/// Tokens.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
            "An access token. Routes name the scope they want; a token without it is answered 403.",
        ));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    }
}

/// Routes that are served elsewhere, described here.
mod probes {
    /// Whether the process lives.
    #[utoipa::path(get, path = "/healthz", tag = "service", responses(
        (status = 200, description = "It does", content_type = "text/plain", body = String),
    ))]
    #[allow(dead_code, reason = "a description")]
    pub(super) const fn healthz() {}

    /// Whether the process can do its work now.
    #[utoipa::path(get, path = "/readyz", tag = "service", responses(
        (status = 200, description = "It can", content_type = "text/plain", body = String),
        (status = 503, description = "It is starting or stopping, or Redis does not answer", content_type = "text/plain", body = String),
    ))]
    #[allow(dead_code, reason = "a description")]
    pub(super) const fn readyz() {}

    /// Figures for Prometheus.
    #[utoipa::path(get, path = "/metrics", tag = "service", responses(
        (status = 200, description = "Prometheus' text format", content_type = "text/plain", body = String),
    ))]
    #[allow(dead_code, reason = "a description")]
    pub(super) const fn metrics() {}
}

#[cfg(test)]
mod tests;
