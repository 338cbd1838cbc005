//! How much is worked on at once, and for how long: past the first bound a request is turned away at once, past the
//! second it is given up. Health and metrics are outside, so that an overloaded process can still be looked at.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use crate::error::ApiError;
use crate::state::Api;

/// Counts the requests being worked on.
pub(crate) struct InFlight {
    now: AtomicUsize,
    most: usize,
}

/// A request being worked on; dropping it, also when the client goes away, ends it.
pub(crate) struct Place<'a>(&'a InFlight);

impl InFlight {
    pub(crate) fn new(most: usize) -> Self {
        Self { now: AtomicUsize::new(0), most }
    }

    /// How many there are.
    pub(crate) fn now(&self) -> usize {
        self.now.load(Ordering::Relaxed)
    }

    fn enter(&self) -> Option<Place<'_>> {
        let before = self.now.fetch_add(1, Ordering::Relaxed);
        let place = Place(self);
        (before < self.most).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The layer.
pub(crate) async fn admit(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let Some(_place) = api.in_flight.enter() else {
        return ApiError::BUSY.into_response();
    };
    match timeout(api.server.request, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::BUSY.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use axum::Router;
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn a_request_past_its_time_is_given_up() {
        let api = Api::unconnected();
        let routes =
            Router::new().route("/", get(pending::<()>)).layer(from_fn_with_state(api.clone(), admit));
        let response = routes.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!((response.status(), api.in_flight.now()), (StatusCode::SERVICE_UNAVAILABLE, 0));
        assert_eq!(response.headers()["retry-after"], "1");
    }

    #[test]
    fn one_too_many_is_turned_away_and_a_left_place_is_free_again() {
        let in_flight = InFlight::new(2);
        let places = (in_flight.enter().unwrap(), in_flight.enter().unwrap());
        assert!(in_flight.enter().is_none());
        assert_eq!(in_flight.now(), 2);
        drop(places.0);
        assert!(in_flight.enter().is_some());
    }
}
