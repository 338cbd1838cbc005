//! Reads request bodies, for all routes.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use futures_util::FutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use crate::request::deadline::RequestDeadline;
use crate::responses::error::ApiError;
use crate::state::{AppState, RequestLimits};

/// Longest body, in bytes.
const LIMIT: usize = 16 * 1024;

/// A whole body of at most 16 KiB, whatever its content type.
///
/// A body that announces a greater length is not read at all. A body that has not arrived yet is awaited under a limit
/// of its own, not counted as work; one that does not arrive in time counts as broken.
pub(crate) struct SmallBody(pub(crate) Bytes);

impl FromRequest<AppState> for SmallBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        let deadline = request.extensions().get::<RequestDeadline>().cloned().ok_or(ApiError::Internal)?;
        let body = request.into_body();
        if body.is_end_stream() {
            return Ok(Self(Bytes::new()));
        }
        if body.size_hint().lower() > LIMIT as u64 {
            return Err(ApiError::BodyTooLarge);
        }
        let mut read = Box::pin(read(body));
        match read.as_mut().now_or_never() {
            Some(body) => body.map(Self),
            None => awaited(read, &deadline, &app.limits).await.map(Self),
        }
    }
}

async fn awaited(
    body: impl Future<Output = Result<Bytes, ApiError>>,
    deadline: &RequestDeadline,
    limits: &RequestLimits,
) -> Result<Bytes, ApiError> {
    let client = deadline.client().ok_or(ApiError::Internal)?;
    let _permits = limits.bodies.acquire_for(client).ok_or(ApiError::Overloaded)?;
    deadline.wait(limits.body, within(limits.body, body)).await
}

async fn within(
    limit: Duration,
    body: impl Future<Output = Result<Bytes, ApiError>>,
) -> Result<Bytes, ApiError> {
    timeout(limit, body).await.unwrap_or(Err(ApiError::BodyUnreadable))
}

async fn read(body: Body) -> Result<Bytes, ApiError> {
    match Limited::new(body, LIMIT).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::BodyTooLarge),
        Err(_) => Err(ApiError::BodyUnreadable),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use futures_util::stream;
    use shared::runtime::http::Connection;

    use super::*;

    async fn taken(body: Body) -> Result<usize, ApiError> {
        let app = AppState::unconnected();
        let deadline =
            RequestDeadline::new(&app.limits.in_flight, Duration::from_secs(1), Connection::for_tests());
        let _share = deadline.acquire_share(&"mis-a".parse().unwrap()).unwrap();
        let request = Request::builder().extension(deadline).body(body).unwrap();
        SmallBody::from_request(request, &app).await.map(|SmallBody(body)| body.len())
    }

    /// A body that does not say how long it is.
    fn streamed(chunks: usize) -> Body {
        let chunk = || Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 1024]));
        Body::from_stream(stream::iter((0..chunks).map(move |_| chunk())))
    }

    #[tokio::test]
    async fn any_body_up_to_the_limit_will_do() {
        for text in [String::new(), "[]".into(), "{}".into(), "not JSON".into(), " ".repeat(16 * 1024)] {
            let length = text.len();
            assert_eq!(taken(Body::from(text)).await, Ok(length));
        }
        assert_eq!(taken(streamed(16)).await, Ok(16 * 1024));
    }

    #[tokio::test]
    async fn a_longer_one_is_refused_said_or_unsaid() {
        assert_eq!(taken(Body::from(" ".repeat(16 * 1024 + 1))).await, Err(ApiError::BodyTooLarge));
        assert_eq!(taken(streamed(17)).await, Err(ApiError::BodyTooLarge));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_told() {
        let broken = stream::iter([Err::<Bytes, _>(std::io::Error::other("gone"))]);
        assert_eq!(taken(Body::from_stream(broken)).await, Err(ApiError::BodyUnreadable));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_told() {
        let silent = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(taken(silent).await, Err(ApiError::BodyUnreadable));
    }
}
