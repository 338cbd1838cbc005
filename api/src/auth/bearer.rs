//! The bearer token of a request (RFC 6750, section 2.1). Tokens in the query or in a form are ignored.

use axum::http::{HeaderMap, header};

use super::AuthError;

/// Longest accepted token, in bytes: a signed token with many claims has two or three thousand.
const LONGEST: usize = 8 * 1024;

/// The token, if exactly one was sent and its syntax is valid.
pub(crate) fn token(headers: &HeaderMap) -> Result<&str, AuthError> {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let credentials = sent.next().ok_or(AuthError::NoToken)?;
    if sent.next().is_some() {
        return Err(AuthError::InvalidToken);
    }
    let credentials = credentials.to_str().map_err(|_| AuthError::InvalidToken)?;
    let (scheme, token) = credentials.split_once(' ').unwrap_or((credentials, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(AuthError::NoToken);
    }
    let token = token.trim_matches(' ');
    if token.len() <= LONGEST && is_b64token(token) { Ok(token) } else { Err(AuthError::InvalidToken) }
}

/// `b64token`: one or more of `A-Z a-z 0-9 - . _ ~ + /`, then any number of `=`.
fn is_b64token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn token_of(values: &[&str]) -> Result<String, AuthError> {
        let pairs = values
            .iter()
            .map(|value| (header::AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap()));
        let mut headers = HeaderMap::new();
        pairs.for_each(|(name, value)| _ = headers.append(name, value));
        token(&headers).map(str::to_owned)
    }

    #[test]
    fn the_scheme_is_taken_in_any_case() {
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let value = format!("{scheme} d368a4b0-4a0e-457a-b267-32359fa6288f");
            assert_eq!(token_of(&[&value]).as_deref(), Ok("d368a4b0-4a0e-457a-b267-32359fa6288f"));
        }
        assert_eq!(token_of(&["Bearer   aZ09-._~+/=="]).as_deref(), Ok("aZ09-._~+/=="));
    }

    #[test]
    fn no_bearer_token_is_told_from_a_bad_one() {
        for none in
            [&[][..], &[""], &["Basic dTpw"], &["d368a4b0-4a0e-457a-b267-32359fa6288f"], &["Bearertoken"]]
        {
            assert_eq!(token_of(none), Err(AuthError::NoToken), "{none:?}");
        }
        let longest = format!("Bearer {}", "a".repeat(LONGEST + 1));
        for bad in
            [&["Bearer"][..], &["Bearer "], &["Bearer a b"], &["Bearer a,b"], &["Bearer ="], &["Bearer a=b"]]
        {
            assert_eq!(token_of(bad), Err(AuthError::InvalidToken), "{bad:?}");
        }
        for bad in [&["Bearer токен"][..], &["Bearer a", "Bearer b"], &[longest.as_str()]] {
            assert_eq!(token_of(bad), Err(AuthError::InvalidToken), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_a_token_and_comes_back_as_it_was_sent(value in "[\\x20-\\x7E]{0,60}") {
            if let Ok(token) = token_of(&[&value]) {
                prop_assert!(is_b64token(&token) && value.to_ascii_lowercase().starts_with("bearer "));
                prop_assert!(value.ends_with(token.as_str()) || value.trim_end_matches(' ').ends_with(token.as_str()));
            }
        }

        #[test]
        fn every_token_of_rfc_6750_is_taken(token in "[A-Za-z0-9._~+/-]{1,80}={0,2}") {
            prop_assert_eq!(token_of(&[&format!("Bearer {token}")]), Ok(token));
        }
    }
}
