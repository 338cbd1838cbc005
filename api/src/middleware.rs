//! What every request passes through, whatever its route: the whole stack, from the outside in.

mod admission;
mod answer;
mod identity;
mod panic;
mod refusals;
mod request_log;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use tower::ServiceBuilder;

use crate::state::AppState;
use request_log::RequestMetrics;

/// The layers around all routes.
pub(crate) fn around_all(router: Router, app: &AppState) -> Router {
    let stack = ServiceBuilder::new()
        // Request id, URL, trace and the client's address.
        .layer(from_fn_with_state(app.clone(), identity::identify))
        // One log line, one count and one span for each request.
        .layer(from_fn_with_state(RequestMetrics::default(), request_log::log))
        // The body of errors (type, reason, message and meta), and headers that every answer has.
        .layer(from_fn(answer::complete))
        // 503 for connections too many; 400, 414, 431 and 501 for heads that are ambiguous or too large.
        .layer(from_fn(refusals::refuse))
        // 500 for panics.
        .layer(from_fn(panic::catch));
    router.layer(stack)
}

/// The layer around routes that do work: how many requests at once, and for how long. Health, metrics and documents are
/// outside, so that an overloaded process can still be looked at.
pub(crate) fn around_work(router: Router<AppState>, app: &AppState) -> Router<AppState> {
    router.layer(from_fn_with_state(app.clone(), admission::admit))
}

#[cfg(test)]
mod tests;
