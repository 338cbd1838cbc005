//! Who may look: the token, as a bearer token or as the password a browser asks for (RFC 7617), whatever the name.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq as _;

const CHALLENGE: &str = r#"Basic realm="resend board", charset="UTF-8""#;

pub(super) async fn required(
    State(token): State<Arc<SecretString>>,
    request: Request,
    next: Next,
) -> Response {
    let given = given(request.headers()).unwrap_or_default();
    if given.as_bytes().ct_eq(token.expose_secret().as_bytes()).into() {
        next.run(request).await
    } else {
        let challenge = [(header::WWW_AUTHENTICATE, CHALLENGE)];
        (StatusCode::UNAUTHORIZED, challenge, "the board wants RESEND_BOARD_TOKEN\n").into_response()
    }
}

fn given(headers: &HeaderMap) -> Option<String> {
    let (scheme, value) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.to_owned());
    }
    let pair = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(value).ok())??;
    Some(String::from_utf8(pair).ok()?.split_once(':')?.1.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_give_a_token_are_read() {
        for (value, expected) in [
            ("Bearer secret", Some("secret")),
            // anybody:se:cret
            ("Basic YW55Ym9keTpzZTpjcmV0", Some("se:cret")),
            ("Basic !", None),
            ("Digest x", None),
            ("secret", None),
        ] {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
            assert_eq!(given(&headers).as_deref(), expected, "{value}");
        }
    }
}
