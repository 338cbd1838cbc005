//! Every way a request is refused, and its HTTP answer: the only place that maps one to the other.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use shared::domain::outcome::{Reason, next_attempt_of, too_many_requests};

use super::challenge::{challenge, missing_allowances};
use crate::auth::AuthError;
use crate::request::violation::Violation;

/// An answer with an error. The envelope layer writes its body, because it knows the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// The token is missing, invalid, or lacks the scope.
    Auth(AuthError),
    /// Malformed ids, headers or members of the body.
    Invalid(Vec<Violation>),
    /// The idempotency key was used with another path before.
    KeyReused(Violation),
    /// No such route.
    RouteUnknown,
    /// No job with this id that this client may read: malformed, unknown, expired and foreign ids are not told apart.
    JobNotFound,
    /// The route has other methods.
    MethodUnsupported,
    /// A body over the limit.
    BodyTooLarge,
    /// A body that is cut off or framed wrongly.
    BodyUnreadable,
    /// A transfer coding other than `chunked` (RFC 9112, 6.1).
    TransferCodingUnsupported,
    /// The host is missing, repeated or malformed.
    HostInvalid,
    /// Too many headers, or too many bytes of them.
    HeadTooLarge,
    /// A path over the limit.
    UriTooLong,
    /// A code that is not accepted.
    Code(CodeError),
    /// The job that was waited for failed.
    JobFailed {
        /// Its status.
        status: StatusCode,
        /// Its reason.
        reason: Reason,
        /// Its message.
        message: String,
        /// Now, milliseconds since the epoch.
        now_ms: u64,
    },
    /// A limit on messages is reached.
    LimitReached {
        /// The limit.
        limit: Reason,
        /// When the next attempt is allowed, milliseconds since the epoch.
        next_attempt_ms: u64,
        /// Now by the same clock.
        now_ms: u64,
    },
    /// The backlog is this many milliseconds longer than a job may wait.
    BacklogTooLong {
        /// When there may be room again.
        retry_after_ms: u64,
    },
    /// This process is at its limit.
    Overloaded,
    /// Redis cannot store or read jobs.
    RedisUnavailable,
    /// A fault of this service.
    Internal,
}

/// Why a code is not accepted, in the categories of the platform's OTP service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeError {
    /// The code is wrong, or none was sent.
    Wrong,
    /// The code has expired.
    Expired,
    /// Too many guesses were made.
    Spent {
        /// When the next one is allowed.
        retry_after_seconds: u64,
    },
}

const UNAVAILABLE: &str = "The service can not take the request at the moment. Try again later";

impl ApiError {
    /// The status, which determines the error's type.
    pub(crate) fn status(&self) -> StatusCode {
        self.row().0
    }

    /// The reason.
    pub(crate) fn reason(&self) -> Reason {
        self.row().1
    }

    /// The message for people; the platform's clients compare some of them literally.
    pub(crate) fn message(&self) -> Cow<'static, str> {
        match self {
            Self::Auth(AuthError::MissingScope(scope)) => missing_allowances(*scope).into(),
            Self::JobFailed { message, .. } => message.clone().into(),
            Self::LimitReached { next_attempt_ms, .. } => too_many_requests(*next_attempt_ms).into(),
            _ => self.row().2.into(),
        }
    }

    /// The one table of status, reason and message.
    fn row(&self) -> (StatusCode, Reason, &'static str) {
        use StatusCode as S;
        match self {
            Self::Auth(error) => auth_row(*error),
            Self::Code(error) => code_row(*error),
            Self::JobFailed { status, reason, .. } => (*status, *reason, ""),
            Self::LimitReached { limit, .. } => (S::TOO_MANY_REQUESTS, *limit, ""),
            Self::Invalid(_) => (S::UNPROCESSABLE_ENTITY, Reason::RequestInvalid, "Validation failed."),
            Self::KeyReused(_) => (S::UNPROCESSABLE_ENTITY, Reason::KeyReused, "Validation failed."),
            Self::RouteUnknown => (S::NOT_FOUND, Reason::RouteUnknown, "Not found"),
            Self::JobNotFound => (S::NOT_FOUND, Reason::JobNotFound, "Job with such id is not found"),
            Self::MethodUnsupported => {
                (S::METHOD_NOT_ALLOWED, Reason::MethodUnsupported, "Method is not allowed for this resource")
            }
            Self::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, Reason::BodyTooLarge, "Request body is too large"),
            Self::BodyUnreadable => (S::BAD_REQUEST, Reason::RequestInvalid, "Request body can not be read"),
            Self::TransferCodingUnsupported => {
                (S::NOT_IMPLEMENTED, Reason::RequestInvalid, "Transfer coding is not supported")
            }
            Self::HostInvalid => {
                (S::BAD_REQUEST, Reason::RequestInvalid, "Request must name one host in the Host header")
            }
            Self::HeadTooLarge => {
                (S::REQUEST_HEADER_FIELDS_TOO_LARGE, Reason::HeadTooLarge, "Request headers are too large")
            }
            Self::UriTooLong => (S::URI_TOO_LONG, Reason::HeadTooLarge, "Request URI is too long"),
            Self::BacklogTooLong { .. } | Self::Overloaded => {
                (S::SERVICE_UNAVAILABLE, Reason::Overloaded, UNAVAILABLE)
            }
            Self::RedisUnavailable => (S::SERVICE_UNAVAILABLE, Reason::RedisUnavailable, UNAVAILABLE),
            Self::Internal => {
                (S::INTERNAL_SERVER_ERROR, Reason::Internal, "The request could not be processed")
            }
        }
    }

    /// The entries of `invalid`, if there are any.
    pub(crate) fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(violations) => violations,
            Self::KeyReused(violation) => std::slice::from_ref(violation),
            _ => &[],
        }
    }

    /// The value of `Retry-After`, if a later attempt may succeed.
    fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::LimitReached { next_attempt_ms, now_ms, .. } => {
                Some(seconds_until(*next_attempt_ms, *now_ms))
            }
            Self::JobFailed { message, now_ms, .. } => {
                next_attempt_of(message).map(|then| seconds_until(then, *now_ms))
            }
            Self::Code(CodeError::Spent { retry_after_seconds }) => Some((*retry_after_seconds).max(1)),
            Self::BacklogTooLong { retry_after_ms } => Some(seconds_until(*retry_after_ms, 0)),
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => Some(soon()),
            _ => None,
        }
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        if let Some(seconds) = self.retry_after_seconds() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Self::Auth(error) = self
            && let Some(challenge) = challenge(*error)
        {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
    }
}

fn auth_row(error: AuthError) -> (StatusCode, Reason, &'static str) {
    match error {
        AuthError::NoToken | AuthError::InvalidToken => {
            (StatusCode::UNAUTHORIZED, Reason::TokenInvalid, "Invalid access token")
        }
        AuthError::ApiKeyMissing => (StatusCode::UNAUTHORIZED, Reason::ApiKeyMissing, "Api key is not set"),
        AuthError::ApiKeyInvalid => (StatusCode::UNAUTHORIZED, Reason::ApiKeyInvalid, "Invalid api key"),
        AuthError::MissingScope(_) => (StatusCode::FORBIDDEN, Reason::ScopeMissing, ""),
        AuthError::Unavailable | AuthError::Busy => (
            StatusCode::SERVICE_UNAVAILABLE,
            Reason::AuthUnavailable,
            "Access tokens can not be checked at the moment. Try again later",
        ),
    }
}

fn code_row(error: CodeError) -> (StatusCode, Reason, &'static str) {
    let (reason, message) = match error {
        CodeError::Wrong => (Reason::CodeInvalid, "Invalid verification code"),
        CodeError::Expired => (Reason::CodeExpired, "Verification code expired"),
        CodeError::Spent { .. } => (Reason::CodeAttempts, "Maximum attempts exceed"),
    };
    (StatusCode::FORBIDDEN, reason, message)
}

/// Whole seconds until then, rounded up and at least 1: the value of `Retry-After` (RFC 9110, 10.2.3).
pub(crate) fn seconds_until(then_ms: u64, now_ms: u64) -> u64 {
    then_ms.saturating_sub(now_ms).div_ceil(1_000).max(1)
}

/// One or two seconds at random, so that clients refused together do not return together.
fn soon() -> u64 {
    rand::random_range(1..=2)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        self.add_headers(response.headers_mut());
        response.extensions_mut().insert(self);
        response
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        Self::Auth(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Scope;

    fn header(error: &ApiError, name: axum::http::HeaderName) -> Option<String> {
        let response = error.clone().into_response();
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_wait_is_rounded_up_and_never_zero() {
        assert_eq!([0, 1, 1_000, 1_001].map(|then| seconds_until(then, 0)), [1, 1, 1, 2]);
        assert_eq!(seconds_until(1, 60_000), 1);
        let limited =
            ApiError::LimitReached { limit: Reason::Cooldown, next_attempt_ms: 61_500, now_ms: 1_000 };
        assert_eq!(header(&limited, RETRY_AFTER).as_deref(), Some("61"));
    }

    #[test]
    fn clients_turned_away_together_are_told_different_times() {
        for error in [ApiError::Overloaded, ApiError::RedisUnavailable, AuthError::Unavailable.into()] {
            let mut told: Vec<_> = (0..64).map(|_| header(&error, RETRY_AFTER).unwrap()).collect();
            told.sort_unstable();
            told.dedup();
            assert_eq!(told, ["1", "2"]);
        }
    }

    #[test]
    fn a_job_that_failed_by_a_limit_says_when_to_come_back() {
        let failed = |message: String| ApiError::JobFailed {
            status: StatusCode::TOO_MANY_REQUESTS,
            reason: Reason::PhoneHour,
            message,
            now_ms: 1_000,
        };
        assert_eq!(header(&failed(too_many_requests(61_000)), RETRY_AFTER).as_deref(), Some("60"));
        assert_eq!(header(&failed("another".to_owned()), RETRY_AFTER), None);
    }

    #[test]
    fn challenges_are_those_of_rfc_6750() {
        for (error, wanted) in [
            (AuthError::NoToken, Some(r#"Bearer realm="eHealth""#)),
            (AuthError::InvalidToken, Some(r#"Bearer realm="eHealth", error="invalid_token""#)),
            (
                AuthError::MissingScope(Scope::ApprovalCreate),
                Some(r#"Bearer realm="eHealth", error="insufficient_scope", scope="approval:create""#),
            ),
            (AuthError::Unavailable, None),
        ] {
            assert_eq!(header(&ApiError::Auth(error), WWW_AUTHENTICATE).as_deref(), wanted);
        }
    }

    #[test]
    fn every_challenge_names_the_scope_that_is_missing() {
        for scope in Scope::ALL {
            let error = ApiError::Auth(AuthError::MissingScope(scope));
            let wanted = format!("scope=\"{}\"", scope.as_str());
            assert!(header(&error, WWW_AUTHENTICATE).unwrap().ends_with(&wanted));
            assert!(error.message().ends_with(&format!(" Missing allowances: {}", scope.as_str())));
        }
    }
}
