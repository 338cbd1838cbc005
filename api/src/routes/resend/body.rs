//! The body of a request that uses none. What it holds does not matter, whether JSON or not and whatever its type is
//! said to be: the platform's public client sends `[]`, others `{}` or nothing. Only its size is bounded.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use http_body_util::BodyExt;

use tokio::time::timeout;

use crate::responses::error::ApiError;

/// Longest body, in bytes.
const LIMIT: u64 = 16 * 1024;

/// Reads the body and throws it away. One that says it is too long is not read at all; one that does not come within
/// the time is as good as broken.
pub(super) async fn ignore(body: Body, within: Duration) -> Result<(), ApiError> {
    if body.is_end_stream() {
        return Ok(());
    }
    if body.size_hint().lower() > LIMIT {
        return Err(ApiError::BodyTooLarge);
    }
    timeout(within, read(body)).await.unwrap_or(Err(ApiError::BodyUnreadable))
}

async fn read(mut body: Body) -> Result<(), ApiError> {
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError::BodyUnreadable)?;
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
        if read > LIMIT {
            return Err(ApiError::BodyTooLarge);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use futures_util::stream;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    /// A body that does not say how long it is.
    fn streamed(chunks: usize) -> Body {
        let chunk = || Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 1024]));
        Body::from_stream(stream::iter((0..chunks).map(move |_| chunk())))
    }

    #[tokio::test]
    async fn any_body_up_to_the_limit_will_do() {
        for text in [String::new(), "[]".into(), "{}".into(), "not JSON".into(), " ".repeat(16 * 1024)] {
            assert_eq!(ignore(Body::from(text), LONG).await, Ok(()));
        }
        assert_eq!(ignore(streamed(16), LONG).await, Ok(()));
    }

    #[tokio::test]
    async fn a_longer_one_is_refused_said_or_unsaid() {
        assert_eq!(ignore(Body::from(" ".repeat(16 * 1024 + 1)), LONG).await, Err(ApiError::BodyTooLarge));
        assert_eq!(ignore(streamed(17), LONG).await, Err(ApiError::BodyTooLarge));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_told() {
        let broken = stream::iter([Err::<Bytes, _>(std::io::Error::other("gone"))]);
        assert_eq!(ignore(Body::from_stream(broken), LONG).await, Err(ApiError::BodyUnreadable));
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_told() {
        let silent = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(ignore(silent, Duration::from_millis(1)).await, Err(ApiError::BodyUnreadable));
    }
}
