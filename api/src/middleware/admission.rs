//! How many requests are worked on at once, and for how long each.

use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use shared::runtime::http::Connection;

use crate::request::deadline::RequestDeadline;
use crate::responses::error::ApiError;
use crate::state::AppState;

/// Runs the request if a permit is free, else answers 503; also 503 once its deadline has passed.
pub(super) async fn admit(
    State(app): State<AppState>,
    Extension(connection): Extension<Connection>,
    mut request: Request,
    next: Next,
) -> Response {
    let limits = &app.limits;
    let Some(_permit) = limits.in_flight.acquire() else {
        return ApiError::Overloaded.into_response();
    };
    let deadline = RequestDeadline::new(&limits.in_flight, limits.request, connection);
    request.extensions_mut().insert(deadline.clone());
    tokio::select! {
        biased;
        response = next.run(request) => response,
        () = deadline.over() => ApiError::Overloaded.into_response(),
    }
}
