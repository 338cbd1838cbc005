//! What every request passes through, whatever its route: the whole stack, from the outside in.

mod admission;
mod excess;
mod head;
mod headers;
mod identity;
mod panic;
mod request_log;
mod write_error;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use tower::ServiceBuilder;

use crate::state::AppState;
use request_log::RequestMetrics;

/// The layers around all routes.
pub(crate) fn around_all(router: Router, app: &AppState) -> Router {
    let stack = ServiceBuilder::new()
        // Request id, URL, trace and the client's address.
        .layer(from_fn_with_state(app.http.clone(), identity::identify))
        // One log line, one count and one span for each request.
        .layer(from_fn_with_state(RequestMetrics::default(), request_log::log))
        // Headers that every answer has.
        .layer(from_fn(headers::add))
        // The body of errors: type, reason, message and meta.
        .layer(from_fn(write_error::write))
        // 503 for connections too many.
        .layer(from_fn(excess::refuse))
        // 400, 414, 431 and 501 for heads that are ambiguous or too large.
        .layer(from_fn(head::check))
        // 500 for panics.
        .layer(from_fn(panic::catch));
    router.layer(stack)
}

/// The layer around routes that do work: how many requests at once, and for how long. Health, metrics and documents are
/// outside, so that an overloaded process can still be looked at.
pub(crate) fn around_work(router: Router<AppState>, app: &AppState) -> Router<AppState> {
    router.layer(from_fn_with_state(app.limits.clone(), admission::admit))
}

#[cfg(test)]
mod tests;
