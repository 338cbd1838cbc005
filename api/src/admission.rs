//! How much is worked on at once, and for how long: past the first bound a request is turned away at once, past the
//! second it is given up. Health and metrics are outside, so that an overloaded process can still be looked at.
//! Waiting for a job is no work: it has a bound and a limit of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::Extensions;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::{Instant, sleep_until};

use crate::error::ApiError;
use crate::state::Api;

/// Counts requests up to a bound; clones count together.
#[derive(Clone)]
pub(crate) struct InFlight {
    now: Arc<AtomicUsize>,
    most: usize,
}

/// A request that is counted; dropping it, also when the client goes away, ends it.
pub(crate) struct Place(InFlight);

/// The turn of a request that is being worked on.
#[derive(Clone)]
pub(crate) struct Turn {
    among: InFlight,
    until: Arc<Mutex<Instant>>,
}

impl InFlight {
    pub(crate) fn new(most: usize) -> Self {
        Self { now: Arc::default(), most }
    }

    /// How many there are.
    pub(crate) fn now(&self) -> usize {
        self.now.load(Ordering::Relaxed)
    }

    /// A place, if one is free.
    pub(crate) fn enter(&self) -> Option<Place> {
        let before = self.now.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.clone());
        (before < self.most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Turn {
    fn new(among: &InFlight, limit: Duration) -> Self {
        Self { among: among.clone(), until: Arc::new(Mutex::new(Instant::now() + limit)) }
    }

    /// The turn of the request these extensions belong to.
    pub(crate) fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Waits for something at most so long. Meanwhile the request is not counted as worked on, and its time stands.
    pub(crate) async fn wait<T>(&self, limit: Duration, something: impl Future<Output = T>) -> T {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) += limit;
        let _apart = Apart::new(&self.among);
        something.await
    }

    async fn over(&self) {
        loop {
            let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }
}

/// Takes a request out of the count while it waits.
struct Apart<'a>(&'a InFlight);

impl<'a> Apart<'a> {
    fn new(among: &'a InFlight) -> Self {
        among.now.fetch_sub(1, Ordering::Relaxed);
        Self(among)
    }
}

impl Drop for Apart<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_add(1, Ordering::Relaxed);
    }
}

/// The layer.
pub(crate) async fn admit(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let Some(_place) = api.in_flight.enter() else {
        return ApiError::BUSY.into_response();
    };
    let turn = Turn::new(&api.in_flight, api.server.request);
    request.extensions_mut().insert(turn.clone());
    tokio::select! {
        biased;
        response = next.run(request) => response,
        () = turn.over() => ApiError::BUSY.into_response(),
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
    use tokio::time::{advance, timeout};
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

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_neither_counted_nor_timed_as_work() {
        let in_flight = InFlight::new(1);
        let _place = in_flight.enter().unwrap();
        let turn = Turn::new(&in_flight, Duration::from_secs(10));
        turn.wait(Duration::from_secs(30), async {
            assert_eq!(in_flight.now(), 0);
            advance(Duration::from_secs(30)).await;
        })
        .await;
        assert_eq!(in_flight.now(), 1);
        assert!(timeout(Duration::from_secs(9), turn.over()).await.is_err());
        assert!(timeout(Duration::from_secs(2), turn.over()).await.is_ok());
    }

    #[tokio::test]
    async fn a_wait_that_is_given_up_leaves_the_count_right() {
        let in_flight = InFlight::new(1);
        let place = in_flight.enter().unwrap();
        let turn = Turn::new(&in_flight, Duration::from_secs(10));
        drop(timeout(Duration::ZERO, turn.wait(Duration::from_secs(30), pending::<()>())).await);
        assert_eq!(in_flight.now(), 1);
        drop(place);
        assert_eq!(in_flight.now(), 0);
    }
}
