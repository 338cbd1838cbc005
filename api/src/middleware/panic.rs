//! A panic in a handler costs its own request only.

use std::panic::AssertUnwindSafe;

use axum::Extension;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::request::context::RequestContext;
use crate::responses::error::ApiError;

pub(super) async fn catch(
    Extension(context): Extension<RequestContext>,
    request: Request,
    next: Next,
) -> Response {
    AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!(request_id = %context.request_id, "a handler panicked");
        ApiError::Internal.into_response()
    })
}
