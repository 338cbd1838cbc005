//! Clients: each sends a request with its own idempotency key and, after a 503 or no answer, repeats it with the same
//! key.

use std::time::{Duration, Instant};

use chrono::Utc;
use futures_util::StreamExt;
use futures_util::stream;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use uuid::Uuid;

use super::client_request::{Attempt, ClientAnswer, ClientRequest, Person};
use super::targets::Targets;
use crate::client::resend_path;

/// Wait of a client before it repeats its request; shorter than `Retry-After`, to make the load harder.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Longest a client waits for one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(12);

/// How long a connection is kept unused: well under the server's 60 s, because a request sent on a connection that is
/// being closed tests nothing.
const IDLE_FOR: Duration = Duration::from_secs(20);

/// The behaviour of the clients.
#[derive(Clone)]
pub struct Load {
    /// New requests a second, without repetitions.
    pub per_second: f64,
    /// Concurrent requests.
    pub at_once: usize,
    /// How long one client keeps repeating its request.
    pub patience: Duration,
    token: &'static str,
    http: reqwest::Client,
    targets: Targets,
}

impl Load {
    /// Clients of these APIs.
    pub fn new(targets: &Targets, per_second: f64) -> Self {
        shared::runtime::tls::install_crypto_provider();
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN);
        let http = http.pool_idle_timeout(IDLE_FOR).build();
        let http = http.expect("a client without surprises");
        let (targets, patience) = (targets.clone(), Duration::from_secs(90));
        Self { per_second, at_once: 64, patience, token: "mis-a-token", http, targets }
    }

    /// How long one client goes on asking.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The identity of the client.
    #[must_use]
    pub fn token(mut self, token: &'static str) -> Self {
        self.token = token;
        self
    }

    /// Requests under way at once.
    #[must_use]
    pub fn at_once(mut self, at_once: usize) -> Self {
        self.at_once = at_once;
        self
    }

    /// Requests all of them; returns every client's answers.
    pub async fn run(&self, people: Vec<Person>) -> Vec<ClientRequest> {
        let mut tick = tokio::time::interval(Duration::from_secs_f64(1.0 / self.per_second));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        let wishes = stream::unfold((people.into_iter(), tick), |(mut people, mut tick)| async move {
            let person = people.next()?;
            tick.tick().await;
            Some((person, (people, tick)))
        });
        // A task per client, so that none that is served has to wait for another to be polled.
        let clients = wishes.map(|person| {
            let one = self.clone();
            async move { tokio::spawn(async move { one.insist(person).await }).await.expect("a client") }
        });
        clients.buffer_unordered(self.at_once).collect().await
    }

    /// One client, until it gets a final answer or gives up.
    pub async fn insist(&self, person: Person) -> ClientRequest {
        let mut asked = ClientRequest { person, key: Uuid::new_v4().to_string(), attempts: Vec::new() };
        let until = Instant::now() + self.patience;
        loop {
            let attempt = self.ask(&asked.person, &asked.key).await;
            let again = attempt.told.asks_to_come_back();
            asked.attempts.push(attempt);
            if !again || Instant::now() > until {
                return asked;
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// One request.
    pub async fn ask(&self, person: &Person, key: &str) -> Attempt {
        let url = format!("{}{}", self.targets.next(), resend_path(person.patient_id, person.approval_id));
        let request = self.http.patch(url).bearer_auth(self.token).header("idempotency-key", key);
        let (at_ms, start) = (Utc::now().timestamp_millis(), Instant::now());
        let told = match request.send().await {
            Ok(answer) => ClientAnswer::read(answer).await,
            Err(error) if error.is_connect() || error.is_builder() => ClientAnswer::Unreached,
            Err(_) => ClientAnswer::Broken,
        };
        Attempt { at_ms, took: start.elapsed(), told }
    }
}

impl ClientAnswer {
    async fn read(answer: reqwest::Response) -> Self {
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        // An incomplete answer promises nothing.
        if answer.bytes().await.is_err() {
            return Self::Broken;
        }
        if let (202, Some(href)) = (status, text(&headers, LOCATION.as_str())) {
            return Self::Accepted { job: href.rsplit('/').next().unwrap_or_default().to_owned(), href };
        }
        let retry_after = text(&headers, RETRY_AFTER.as_str()).and_then(|text| text.parse().ok());
        Self::Status { status, retry_after }
    }

    fn asks_to_come_back(&self) -> bool {
        matches!(self, Self::Unreached | Self::Broken | Self::Status { status: 502..=504, .. })
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}
