//! What every request passes through, whatever its route.

mod admission;
mod answer;
mod refusals;
mod request_log;

use std::panic::AssertUnwindSafe;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use futures_util::FutureExt;
use shared::runtime::http::Connection;

use crate::request::client_address::ClientAddress;
use crate::request::context::RequestContext;
use crate::responses::error::ApiError;
use crate::state::AppState;
use request_log::{RequestLog, RequestMetrics};

/// The layer around all routes.
pub(crate) fn around_all(router: Router, app: &AppState) -> Router {
    router.layer(from_fn_with_state((app.clone(), RequestMetrics::default()), handle))
}

/// The layer around routes that do work: how many requests at once, and for how long. Health, metrics and documents are
/// outside, so that an overloaded process can still be looked at.
pub(crate) fn around_work(router: Router<AppState>, app: &AppState) -> Router<AppState> {
    router.layer(from_fn_with_state(app.clone(), admission::admit))
}

/// A request from its arrival to its answer. These steps are one layer, because each layer costs every request a box for
/// its future and a copy of the service below it.
async fn handle(
    State((app, metrics)): State<(AppState, RequestMetrics)>,
    Extension(connection): Extension<Connection>,
    mut request: Request,
    next: Next,
) -> Response {
    let address = ClientAddress::of(&connection, request.headers(), &app.http.trusted_proxies);
    let context = RequestContext::read(&request, app.http.public_url.as_ref(), address);
    // From here on the request is logged, even if its client goes away.
    let mut log = RequestLog::begin(&request, context, metrics);
    let context = log.context.clone();
    let is_head = request.method() == Method::HEAD;
    request.extensions_mut().insert(context.clone());
    let answer = match refusals::refusal(&connection, &request) {
        Some(error) => error.into_response(),
        None => contained(next.run(request), &context).await,
    };
    let answer = answer::complete(answer, &context, is_head);
    log.end(&answer);
    answer
}

/// The answer, or 500 if its handler panics: a panic costs its own request only.
async fn contained(answer: impl Future<Output = Response>, context: &RequestContext) -> Response {
    AssertUnwindSafe(answer).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!(request_id = %context.request_id, "a handler panicked");
        ApiError::Internal.into_response()
    })
}

#[cfg(test)]
mod tests;
