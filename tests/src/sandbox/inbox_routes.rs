//! `/inbox.json` and `/inbox/events`: what was sent, to read, to wait for and to watch.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    response::{
        IntoResponse, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use tokio::sync::watch;

use super::{
    inbox::Inbox,
    message::Message,
    refusal::Refusal,
    search::{Filter, Search},
    sms,
    state::Shared,
};

/// Messages a freshly opened page is shown, and the most it is fed at once when it lags behind.
const RECENT: u64 = 200;

/// The longest long poll.
const MAX_WAIT_MS: u64 = 120_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InboxQuery {
    to: Option<String>,
    reference: Option<String>,
    #[serde(default = "default_limit")]
    limit: usize,
    #[serde(default = "default_count")]
    count: usize,
    #[serde(default)]
    wait_ms: u64,
}

fn default_limit() -> usize {
    1_000
}

fn default_count() -> usize {
    1
}

/// `GET /inbox.json`: the latest `limit` wanted messages in order of arrival. With `wait_ms` it answers as soon
/// as there are `count` of them, or with what there is when the time is over.
pub(crate) async fn list(
    State(sandbox): State<Shared>,
    wanted: Result<Query<InboxQuery>, QueryRejection>,
) -> Result<impl IntoResponse, Refusal> {
    let Query(wanted) = wanted.map_err(|rejection| Refusal::invalid(rejection.body_text()))?;
    let mut search = Search::new(Filter::new(wanted.to.as_deref(), wanted.reference), wanted.limit);
    let wait = Duration::from_millis(wanted.wait_ms.min(MAX_WAIT_MS));
    wait_for(&mut search, &sandbox.inbox, wanted.count, wait).await;
    let body = serde_json::to_vec(&search.found()).map_err(|error| Refusal::internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body))
}

async fn wait_for(search: &mut Search, inbox: &Inbox, count: usize, wait: Duration) {
    // Before the first look, or a message between the look and the subscription would wake nobody.
    let mut arrivals = inbox.arrivals();
    if search.look(inbox) >= count || wait.is_zero() {
        return;
    }
    let enough = async { while arrivals.changed().await.is_ok() && search.look(inbox) < count {} };
    // Whether there were enough or the time was over, the answer is what was found.
    let _ = tokio::time::timeout(wait, enough).await;
}

/// `DELETE /inbox`.
pub(crate) async fn clear(State(sandbox): State<Shared>) -> StatusCode {
    sandbox.inbox.clear();
    StatusCode::NO_CONTENT
}

/// `GET /inbox/events`: the recent messages and then each as it arrives, as server-sent events.
pub(crate) async fn events(State(sandbox): State<Shared>, headers: HeaderMap) -> impl IntoResponse {
    let end = sandbox.inbox.end();
    let seen = sms::header(&headers, "last-event-id").and_then(|id| id.parse().ok());
    // A position beyond the end is from before a restart: such a page knows nothing of this inbox.
    let position = seen.filter(|seen| *seen <= end).unwrap_or(0).max(end.saturating_sub(RECENT));
    let arrivals = sandbox.inbox.arrivals();
    Sse::new(follow(Watch { sandbox, arrivals, position, read: VecDeque::new() }))
        .keep_alive(KeepAlive::default())
}

struct Watch {
    sandbox: Shared,
    arrivals: watch::Receiver<u64>,
    position: u64,
    read: VecDeque<(u64, Arc<Message>)>,
}

fn follow(watch: Watch) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(watch, |mut watch| async move {
        loop {
            if let Some((position, message)) = watch.read.pop_front() {
                return Some((Ok(event(position, &message)), watch));
            }
            if !watch.refill() {
                watch.arrivals.changed().await.ok()?;
            }
        }
    })
}

impl Watch {
    /// Reads on; skips what a slow page could not show anyway. `false` if there is nothing new.
    fn refill(&mut self) -> bool {
        let inbox = &self.sandbox.inbox;
        let from = self.position.max(inbox.end().saturating_sub(RECENT));
        let (messages, next) = inbox.read(from, usize::MAX);
        let first = next - messages.len() as u64;
        self.read = (first + 1..).zip(messages).collect();
        self.position = next;
        !self.read.is_empty()
    }
}

fn event(position: u64, message: &Message) -> Event {
    Event::default()
        .id(position.to_string())
        .json_data(message)
        .unwrap_or_else(|_| Event::default().comment("unreadable"))
}
