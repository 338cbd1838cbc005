//! The challenge for a client whose token is not accepted (RFC 6750, section 3).

use axum::http::HeaderValue;

use crate::auth::{AuthError, Scope};

/// The value of `WWW-Authenticate`. It has no error code if no token was sent, and there is no challenge if the token
/// could not be checked.
pub(super) fn challenge(error: AuthError) -> Option<HeaderValue> {
    let value = match error {
        AuthError::MissingScope(scope) => {
            format!(r#"Bearer realm="eHealth", error="insufficient_scope", scope="{}""#, scope.as_str())
        }
        AuthError::InvalidToken => r#"Bearer realm="eHealth", error="invalid_token""#.to_owned(),
        // The token may be valid; only the API key is not.
        AuthError::NoToken | AuthError::ApiKeyMissing | AuthError::ApiKeyInvalid => {
            r#"Bearer realm="eHealth""#.to_owned()
        }
        AuthError::Unavailable | AuthError::Busy => return None,
    };
    HeaderValue::try_from(value).ok()
}

/// The platform's message for a missing scope.
pub(super) fn missing_allowances(scope: Scope) -> String {
    format!("Your scope does not allow to access this resource. Missing allowances: {}", scope.as_str())
}
