//! `PATCH /verifications/{phone_number}/actions/complete`: checks a code as the platform's OTP service does (contract,
//! section 8). A phone that was sent none is answered as a wrong code is: nobody learns here which phones there are.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use shared::domain::clock;
use shared::domain::phone::PhoneNumber;
use shared::sending::codes::{Checked, Verified};
use utoipa::ToSchema;
use uuid::Uuid;

use super::body;
use crate::auth::Scope;
use crate::envelope;
use crate::error::{ApiError, CodeError, Rule, Violation};
use crate::openapi::{CodeToCheck, VerificationOutcomes};
use crate::request_context::RequestContext;
use crate::state::Api;

const PHONE: Rule = Rule {
    name: "format",
    params: &["^\\+[1-9][0-9]{7,14}$"],
    description: "must be a phone number in E.164 form, such as +380 and nine digits",
};

/// A code that was right.
#[derive(Serialize, ToSchema)]
#[schema(as = Verification)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerificationView {
    id: Uuid,
    #[schema(pattern = "^verified$", example = "verified")]
    status: &'static str,
    /// ISO 8601, UTC.
    #[schema(format = DateTime)]
    code_expired_at: String,
    active: bool,
}

/// Checks a code that was sent to a phone.
///
/// Guesses are counted across resends; a used code is dead.
#[utoipa::path(
    patch, path = "/verifications/{phone_number}/actions/complete", tag = "verifications",
    operation_id = "completeVerification", request_body = CodeToCheck,
    params(
        ("phone_number" = String, Path, description = "E.164", example = "+380931234585"),
        ("X-Request-Id" = Option<String>, Header, nullable = false, description = "1 to 128 visible characters, echoed"),
    ),
    responses(VerificationOutcomes<'_>), security(("bearer" = ["otp:verify"])),
)]
pub(crate) async fn complete(
    State(api): State<Arc<Api>>,
    phone: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let context = RequestContext::of(&parts.extensions).ok_or(ApiError::Internal)?;
    api.authenticator.authorize(Scope::OtpVerify, &parts.headers, context.origin()).await?;
    // Codes this process has no key for are none of its business.
    let codes = api.codes.as_ref().ok_or(ApiError::RouteNotFound)?;
    let body = body::read(body, api.server.body).await?;
    let (phone, code) = match (self::phone(phone), body::code(&body, codes.length())?) {
        (Ok(phone), Ok(code)) => (phone, code),
        (phone, code) => {
            return Err(ApiError::Invalid([phone.err(), code.err()].into_iter().flatten().collect()));
        }
    };
    let checked = codes.check(&phone, &code).await;
    let verified = right(checked.map_err(|error| api.queue_trouble.refuse(&error.into()))?)?;
    envelope::success(StatusCode::OK, VerificationView::of(&verified), context)
}

fn phone(segment: Result<Path<String>, PathRejection>) -> Result<PhoneNumber, Violation> {
    let phone = segment.ok().and_then(|Path(text)| text.parse().ok());
    phone.ok_or_else(|| Violation::request("$.phone_number", PHONE))
}

fn right(checked: Checked) -> Result<Verified, ApiError> {
    match checked {
        Checked::Right(verified) => Ok(verified),
        Checked::Wrong => Err(ApiError::Code(CodeError::Wrong)),
        Checked::Expired => Err(ApiError::Code(CodeError::Expired)),
        Checked::Spent => Err(ApiError::Code(CodeError::Spent)),
    }
}

impl VerificationView {
    fn of(verified: &Verified) -> Self {
        let code_expired_at = clock::iso(verified.expires_ms);
        Self { id: verified.id, status: "verified", code_expired_at, active: false }
    }
}
