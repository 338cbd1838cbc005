//! Every way a request is refused, and what HTTP makes of it: the one place where the two meet.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use shared::domain::clock;
use shared::domain::outcome::{next_attempt_of, too_many_requests};
use shared::queue::QueueError;

use super::violation::Violation;
use crate::auth::{AuthError, Scope};

/// A refusal. Its body is written once its request is known, by the layer around all routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// The token: none, none that is valid, or one without the scope.
    Auth(AuthError),
    /// Ids or headers that are none.
    Invalid(Vec<Violation>),
    /// No such route.
    RouteNotFound,
    /// No job of this id that this client may read: malformed, unknown, expired and foreign ids are not told apart.
    JobNotFound,
    /// The route has other methods.
    MethodNotAllowed,
    /// A body over the limit.
    BodyTooLarge,
    /// A body that breaks off or is framed wrongly.
    BodyUnreadable,
    /// HTTP/1.1 without a host, with two, or with one that is none (RFC 9112, 3.2).
    HostUnusable,
    /// Too many headers, or too much of them.
    HeadTooLarge,
    /// A path over the limit.
    UriTooLong,
    /// A code that is not accepted.
    Code(CodeError),
    /// The job that was waited for failed, with this status and these words.
    JobFailed { status: StatusCode, message: String, now_ms: u64 },
    /// A limit on messages, until a time in epoch milliseconds.
    LimitReached { next_attempt_ms: u64, now_ms: u64 },
    /// Not now.
    Unavailable { retry_after_seconds: u64 },
    /// Our fault.
    Internal,
}

/// Why a code is not accepted, as the platform's OTP service tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeError {
    /// Not the code, or none was sent.
    Wrong,
    /// Too old.
    Expired,
    /// Too many guesses.
    Spent { retry_after_seconds: u64 },
}

impl ApiError {
    /// Turned away, with the shortest wait there is.
    pub(crate) const BUSY: Self = Self::Unavailable { retry_after_seconds: 1 };

    /// The status, from which the error's type follows.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Auth(
                AuthError::NoToken
                | AuthError::InvalidToken
                | AuthError::ApiKeyMissing
                | AuthError::ApiKeyInvalid,
            ) => StatusCode::UNAUTHORIZED,
            Self::Auth(AuthError::MissingScope(_)) | Self::Code(_) => StatusCode::FORBIDDEN,
            Self::Auth(AuthError::Unavailable | AuthError::Busy) | Self::Unavailable { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::RouteNotFound | Self::JobNotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyUnreadable | Self::HostUnusable => StatusCode::BAD_REQUEST,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::LimitReached { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::JobFailed { status, .. } => *status,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The sentence for people; the platform's clients compare some of them literally.
    pub(crate) fn message(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Auth(AuthError::MissingScope(scope)) => return missing_allowances(*scope).into(),
            Self::JobFailed { message, .. } => return message.clone().into(),
            Self::LimitReached { next_attempt_ms, .. } => return too_many_requests(*next_attempt_ms).into(),
            Self::Auth(AuthError::NoToken | AuthError::InvalidToken) => "Invalid access token",
            Self::Auth(AuthError::ApiKeyMissing) => "Api key is not set",
            Self::Auth(AuthError::ApiKeyInvalid) => "Invalid api key",
            Self::Auth(AuthError::Unavailable | AuthError::Busy) => {
                "Access tokens can not be checked at the moment. Try again later"
            }
            Self::Invalid(_) => "Validation failed.",
            Self::RouteNotFound => "Not found",
            Self::JobNotFound => "Job with such id is not found",
            Self::MethodNotAllowed => "Method is not allowed for this resource",
            Self::BodyTooLarge => "Request body is too large",
            Self::BodyUnreadable => "Request body can not be read",
            Self::HostUnusable => "Request must name one host in the Host header",
            Self::HeadTooLarge => "Request headers are too large",
            Self::UriTooLong => "Request URI is too long",
            Self::Code(CodeError::Wrong) => "Invalid verification code",
            Self::Code(CodeError::Expired) => "Verification code expired",
            Self::Code(CodeError::Spent { .. }) => "Maximum attempts exceed",
            Self::Unavailable { .. } => "The service can not take the request at the moment. Try again later",
            Self::Internal => "The request could not be processed",
        })
    }

    /// The entries of `invalid`, where there are any.
    pub(crate) fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(violations) => violations,
            _ => &[],
        }
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        match self {
            Self::Auth(AuthError::Unavailable | AuthError::Busy) => {
                _ = headers.insert(RETRY_AFTER, HeaderValue::from(2))
            }
            Self::Auth(error) => _ = headers.insert(WWW_AUTHENTICATE, challenge(*error)),
            Self::Code(CodeError::Spent { retry_after_seconds })
            | Self::Unavailable { retry_after_seconds } => {
                headers.insert(RETRY_AFTER, HeaderValue::from((*retry_after_seconds).max(1)));
            }
            Self::LimitReached { next_attempt_ms, now_ms } => {
                headers.insert(RETRY_AFTER, HeaderValue::from(seconds_until(*next_attempt_ms, *now_ms)));
            }
            Self::JobFailed { message, now_ms, .. } => {
                let next_attempt_ms = next_attempt_of(message);
                let wait = next_attempt_ms.map(|then| seconds_until(then, *now_ms));
                headers.extend(wait.map(|wait| (RETRY_AFTER, HeaderValue::from(wait))));
            }
            _ => {}
        }
    }
}

/// Whole seconds from now until then, rounded up and at least 1: the value of `Retry-After` (RFC 9110, 10.2.3).
pub(crate) fn seconds_until(then_ms: u64, now_ms: u64) -> u64 {
    then_ms.saturating_sub(now_ms).div_ceil(1_000).max(1)
}

fn missing_allowances(scope: Scope) -> String {
    format!("Your scope does not allow to access this resource. Missing allowances: {}", scope.as_str())
}

/// RFC 6750, section 3: no error code where no token was sent.
fn challenge(error: AuthError) -> HeaderValue {
    HeaderValue::from_static(match error {
        AuthError::MissingScope(Scope::ApprovalCreate) => {
            r#"Bearer realm="eHealth", error="insufficient_scope", scope="approval:create""#
        }
        AuthError::MissingScope(Scope::JobRead) => {
            r#"Bearer realm="eHealth", error="insufficient_scope", scope="job:read""#
        }
        AuthError::MissingScope(Scope::OtpVerify) => {
            r#"Bearer realm="eHealth", error="insufficient_scope", scope="otp:verify""#
        }
        AuthError::InvalidToken => r#"Bearer realm="eHealth", error="invalid_token""#,
        // The token may be good: it is the key beside it that is not.
        AuthError::NoToken
        | AuthError::ApiKeyMissing
        | AuthError::ApiKeyInvalid
        | AuthError::Unavailable
        | AuthError::Busy => r#"Bearer realm="eHealth""#,
    })
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

/// Turns the queue's errors into refusals and logs them, once a second at most: during an outage every request fails.
#[derive(Default)]
pub(crate) struct QueueErrorMapper {
    logged_ms: AtomicU64,
}

impl QueueErrorMapper {
    /// 503 for what Redis did not do, 500 for records no build of ours wrote.
    pub(crate) fn refuse(&self, error: &QueueError) -> ApiError {
        let now_ms = clock::now_ms();
        if now_ms.saturating_sub(self.logged_ms.load(Ordering::Relaxed)) >= 1_000 {
            self.logged_ms.store(now_ms, Ordering::Relaxed);
            tracing::warn!(%error, "the queue does not take or give jobs; more of this is logged once a second");
        }
        match error {
            QueueError::Redis(_) | QueueError::Unsafe => ApiError::BUSY,
            QueueError::Corrupt(_) => ApiError::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(error: &ApiError, name: axum::http::HeaderName) -> Option<String> {
        let response = error.clone().into_response();
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_wait_is_rounded_up_and_never_zero() {
        assert_eq!([0, 1, 1_000, 1_001].map(|then| seconds_until(then, 0)), [1, 1, 1, 2]);
        assert_eq!(seconds_until(1, 60_000), 1);
        let limited = ApiError::LimitReached { next_attempt_ms: 61_500, now_ms: 1_000 };
        assert_eq!(header(&limited, RETRY_AFTER).as_deref(), Some("61"));
        assert_eq!(header(&ApiError::BUSY, RETRY_AFTER).as_deref(), Some("1"));
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
