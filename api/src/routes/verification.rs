//! `PATCH /verifications/{phone_number}/actions/complete`: checks a code as the platform's OTP service does (contract,
//! section 8). A phone that was sent no code gets the same answer as a wrong code, so that nobody can find out which
//! phones exist.

mod body;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use shared::domain::outcome::Reason;
use shared::domain::phone::PhoneNumber;
use shared::sending::codes::{Checked, NextCheck, Verified};

use super::extractors::authorized::{Authorized, OtpVerify};
use super::extractors::body::SmallBody;
use crate::jobs::errors::{limited, refusal};
use crate::paths;
use crate::request::violation::{Rule, Violation};
use crate::responses::envelope;
use crate::responses::error::{ApiError, CodeError, seconds_until};
use crate::responses::outcomes::VerificationOutcomes;
use crate::responses::schemas::CodeToCheck;
use crate::responses::verification::VerificationView;
use crate::state::AppState;

const PHONE: Rule = Rule {
    name: "format",
    params: &["^\\+[1-9][0-9]{7,14}$"],
    description: "must be a phone number in E.164 form, such as +380 and nine digits",
};

/// Checks a code that was sent to a phone.
///
/// Failed checks are counted for each code, for a phone across resends, and for a client. A code can be used once.
#[utoipa::path(
    patch, path = paths::VERIFICATION, tag = "verifications",
    operation_id = "completeVerification", request_body = CodeToCheck,
    params(
        ("phone_number" = String, Path, description = "E.164", example = "+380931234585"),
        ("X-Request-Id" = Option<String>, Header, nullable = false, description = "1 to 128 visible characters, echoed"),
    ),
    responses(VerificationOutcomes<'_>), security(("bearer" = ["otp:verify"])),
)]
pub(crate) async fn complete(
    State(app): State<AppState>,
    call: Authorized<OtpVerify>,
    phone: Result<Path<String>, PathRejection>,
    SmallBody(body): SmallBody,
) -> Result<Response, ApiError> {
    // Without the key that codes are made under, this process cannot check any.
    let codes = app.codes.as_ref().ok_or(ApiError::RouteUnknown)?;
    let (phone, code) = match (self::phone(phone), body::code(&body, codes.length())?) {
        (Ok(phone), Ok(code)) => (phone, code),
        (phone, code) => {
            return Err(ApiError::Invalid([phone.err(), code.err()].into_iter().flatten().collect()));
        }
    };
    let checked = codes.check(&call.principal.client, &phone, &code).await;
    let verified = right(checked.map_err(|error| refusal(&error.into()))?)?;
    envelope::success(StatusCode::OK, VerificationView::of(&verified), &call.context)
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
        Checked::Spent(NextCheck { at_ms, now_ms }) => {
            Err(ApiError::Code(CodeError::Spent { retry_after_seconds: seconds_until(at_ms, now_ms) }))
        }
        Checked::ClientLimit(NextCheck { at_ms, now_ms }) => {
            Err(limited(Reason::ClientChecks, at_ms, now_ms))
        }
    }
}
