//! The only request of a connection too many is answered 503.

use axum::Extension;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use shared::runtime::http::Connection;

use crate::responses::error::ApiError;

pub(super) async fn refuse(
    Extension(connection): Extension<Connection>,
    request: Request,
    next: Next,
) -> Response {
    if connection.is_excess { ApiError::Overloaded.into_response() } else { next.run(request).await }
}
