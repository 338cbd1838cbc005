//! How much is worked on at once, and for how long: past the first bound a request is turned away at once, past the
//! second it is given up. Health and metrics are outside, so that an overloaded process can still be looked at.
//! Waiting for a job is no work: it has a bound and a limit of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::Extensions;
use axum::response::{IntoResponse, Response};
use tokio::time::{Instant, sleep_until};

use crate::responses::error::ApiError;
use crate::server::Activity;
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
pub(crate) struct Turn(Arc<InTurn>);

struct InTurn {
    among: InFlight,
    until: Mutex<Instant>,
    connection: Activity,
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
    fn new(among: &InFlight, limit: Duration, connection: Activity) -> Self {
        let until = Mutex::new(Instant::now() + limit);
        Self(Arc::new(InTurn { among: among.clone(), until, connection }))
    }

    /// The turn of the request these extensions belong to.
    pub(crate) fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Waits for something at most so long. Meanwhile the request is not counted as worked on, and its time stands.
    pub(crate) async fn wait<T>(&self, limit: Duration, something: impl Future<Output = T>) -> T {
        *self.until() += limit;
        let _apart = Apart::new(&self.0.among);
        something.await
    }

    /// The connection the request came by.
    pub(crate) fn connection(&self) -> &Activity {
        &self.0.connection
    }

    fn until(&self) -> MutexGuard<'_, Instant> {
        self.0.until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn over(&self) {
        loop {
            let until = *self.until();
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

/// What a request comes to that is let in, or why it is not; `work` is told its turn.
pub(crate) async fn admit<W: Future<Output = Response>>(
    api: &Api,
    connection: Activity,
    work: impl FnOnce(Turn) -> W,
) -> Response {
    let Some(_place) = api.in_flight.enter() else {
        return ApiError::BUSY.into_response();
    };
    let turn = Turn::new(&api.in_flight, api.server.request, connection);
    tokio::select! {
        biased;
        response = work(turn.clone()) => response,
        () = turn.over() => ApiError::BUSY.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use axum::http::StatusCode;
    use tokio::time::{advance, timeout};

    use super::*;
    use crate::config::ServerLimits;

    fn connection() -> Activity {
        Activity::new(&ServerLimits::default())
    }

    #[tokio::test]
    async fn a_request_past_its_time_is_given_up() {
        let api = Api::unconnected();
        let response = admit(&api, connection(), |_| pending()).await;
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
        let turn = Turn::new(&in_flight, Duration::from_secs(10), connection());
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
        let turn = Turn::new(&in_flight, Duration::from_secs(10), connection());
        drop(timeout(Duration::ZERO, turn.wait(Duration::from_secs(30), pending::<()>())).await);
        assert_eq!(in_flight.now(), 1);
        drop(place);
        assert_eq!(in_flight.now(), 0);
    }
}
