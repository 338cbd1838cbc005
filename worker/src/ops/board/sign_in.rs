//! Access to the board: the token, as a bearer token or as the password in a browser's dialogue (RFC 7617), with any
//! user name. Wrong tokens are counted, logged and slowed down.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use shared::telemetry::{LogThrottle, metric};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

const CHALLENGE: &str = r#"Basic realm="resend board", charset="UTF-8""#;

/// A wrong token is answered after this delay.
const SLOWED: Duration = Duration::from_secs(1);

/// How many wrong tokens are delayed at once; any more are refused at once, so that they hold no connection. The right
/// token is accepted meanwhile: a flood of guesses must not lock out the operators.
const SLOWED_AT_ONCE: usize = 8;

/// The token, and the permits for delayed answers.
pub(super) struct SignIn {
    token: SecretString,
    slowed: Semaphore,
}

impl SignIn {
    pub(super) fn new(token: SecretString) -> Self {
        Self { token, slowed: Semaphore::new(SLOWED_AT_ONCE) }
    }

    fn knows(&self, given: &str) -> bool {
        given.as_bytes().ct_eq(self.token.expose_secret().as_bytes()).into()
    }
}

pub(super) async fn required(State(sign_in): State<Arc<SignIn>>, request: Request, next: Next) -> Response {
    match given(request.headers()) {
        Some(token) if sign_in.knows(&token) => next.run(request).await,
        Some(_) => refuse(&sign_in).await,
        // A browser first asks without a password and then shows its dialogue: that is no failed sign-in.
        None => challenge(StatusCode::UNAUTHORIZED),
    }
}

async fn refuse(sign_in: &SignIn) -> Response {
    static THROTTLE: LogThrottle = LogThrottle::new();
    metrics::counter!(metric::BOARD_SIGN_INS_FAILED).increment(1);
    if let Some(suppressed) = THROTTLE.allow() {
        tracing::warn!(suppressed, "failed sign-in at the board");
    }
    let Ok(_slowed) = sign_in.slowed.try_acquire() else {
        return (StatusCode::TOO_MANY_REQUESTS, "too many failed sign-ins\n").into_response();
    };
    tokio::time::sleep(SLOWED).await;
    challenge(StatusCode::UNAUTHORIZED)
}

fn challenge(status: StatusCode) -> Response {
    (status, [(header::WWW_AUTHENTICATE, CHALLENGE)], "the board wants RESEND_BOARD_TOKEN\n").into_response()
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

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_wrong_tokens_is_refused_beyond_the_places() {
        let sign_in = SignIn::new("the right token of a test".into());
        let refusals = (0..SLOWED_AT_ONCE + 3).map(|_| refuse(&sign_in));
        let answers = futures_util::future::join_all(refusals).await;
        let flooded =
            answers.iter().filter(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS).count();
        assert_eq!(flooded, 3);
    }
}
