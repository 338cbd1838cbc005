//! The OpenAPI 3.1 document of the API: the parts that the list of routes does not contain.

mod aliases;
mod examples;
mod named;

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::envelope::{ErrorView, Failure, Meta, Success};
use super::job::{FailedView, JobView, Link, PendingView, ProcessedView};
use super::schemas::{
    Approval, AuthenticationMethod, CodeToCheck, ErrorType, JobError, JobEvent, ReasonWord,
};
use super::verification::VerificationView;
use crate::request::violation::{Rule, Violation};

use aliases::Aliases;
use examples::Examples;
use named::Named;

/// The document without its routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Resend SMS on approval",
        description = "Sends a patient the one-time code of a medical approval again. The answer is a job; \
                       reading the job tells how it ended.",
    ),
    servers((url = "/", description = "Where this document was served")),
    components(schemas(
        Approval, AuthenticationMethod, JobError, JobEvent, CodeToCheck, VerificationView, ErrorType, ReasonWord,
        JobView<'_>, PendingView<'_>, ProcessedView<'_>, FailedView<'_>, Link<'_>,
        Success<'_, Approval>, Success<'_, PendingView<'_>>, Success<'_, JobView<'_>>, Success<'_, VerificationView>,
        Failure<'_>, ErrorView<'_>, Violation, Rule, Meta<'_>,
    )),
    tags(
        (name = "approvals", description = "Asking for a code"),
        (name = "jobs", description = "How a request for a code ended"),
        (name = "verifications", description = "Checking a code that was made here"),
        (name = "service", description = "The service itself; no token is needed"),
    ),
    modifiers(&Bearer),
)]
struct Document;

/// The document without its routes.
pub(crate) fn base() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// The finished document as text, with examples, named data and the other names of routes.
pub(crate) fn text(mut document: utoipa::openapi::OpenApi) -> String {
    Named.modify(&mut document);
    Examples.modify(&mut document);
    Aliases.modify(&mut document);
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// The security scheme.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
            "An access token. Each route names the scope it needs; a token without it is answered 403.",
        ));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    }
}
