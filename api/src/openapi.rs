//! The API described in its own terms (OpenAPI 3.1), from the handlers and the types of their answers.

mod aliases;
mod examples;
mod outcomes;
mod schemas;

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::envelope::{ErrorView, Failure, Meta, Success};
use crate::error::{Rule, Violation};
use crate::jobs::{FailedView, JobView, Link, PendingView, ProcessedView};
use crate::verifications::VerificationView;

use aliases::Aliases;
use examples::Examples;
pub(crate) use outcomes::{
    JobOutcomes, ReceiptOutcomes, ResendOutcomes, StreamOutcomes, VerificationOutcomes,
};
pub(crate) use schemas::{Approval, AuthenticationMethod, CodeToCheck, JobError, JobEvent, ReceiptToKeep};

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Resend SMS on approval",
        description = "Asks that a patient be sent the one-time code of a medical approval again. The request is \
                       answered with a job; the job tells how it ended.",
    ),
    paths(
        crate::approvals::resend,
        crate::jobs::show,
        crate::jobs::events,
        crate::verifications::complete,
        crate::receipts::keep,
        crate::openapi::served,
        crate::docs::page,
        crate::openapi::probes::healthz,
        crate::openapi::probes::readyz,
        crate::openapi::probes::metrics,
    ),
    components(schemas(
        Approval, AuthenticationMethod, JobError, JobEvent, CodeToCheck, ReceiptToKeep, VerificationView,
        JobView<'_>, PendingView<'_>, ProcessedView<'_>, FailedView<'_>, Link<'_>,
        Success<'_, Approval>, Success<'_, PendingView<'_>>, Success<'_, JobView<'_>>, Success<'_, VerificationView>,
        Failure<'_>, ErrorView<'_>, Violation, Rule, Meta<'_>,
    )),
    tags(
        (name = "approvals", description = "Asking for a code"),
        (name = "jobs", description = "What became of it"),
        (name = "verifications", description = "Checking a code that was made here"),
        (name = "receipts", description = "For gateways: what became of a message"),
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
