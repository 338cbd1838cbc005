//! An honest client next to others that are not: none of its requests may fail, and they may take at most twice as long
//! as without load, or 50 ms.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use tests::client::ApiClient;
use tests::stack::Stack;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const SLOW: Duration = Duration::from_millis(50);
const BETWEEN: Duration = Duration::from_millis(10);
const QUIET_REQUESTS: usize = 100;

pub(super) struct Bystander {
    quiet: Duration,
    end: CancellationToken,
    requests: JoinHandle<Vec<Duration>>,
}

impl Bystander {
    /// Measures without load, then keeps sending requests.
    pub(super) async fn watch(stack: &Stack) -> Self {
        let client = stack.client().with_token("mis-b-token");
        let mut quiet = Vec::new();
        for _ in 0..QUIET_REQUESTS {
            quiet.push(ask(&client).await);
        }
        let end = CancellationToken::new();
        let ended = end.clone();
        let requests = tokio::spawn(async move {
            let mut took = Vec::new();
            while ended.run_until_cancelled(tokio::time::sleep(BETWEEN)).await.is_some() {
                took.push(ask(&client).await);
            }
            took
        });
        Self { quiet: p99(quiet), end, requests }
    }

    /// Fails if the bystander noticed anything.
    pub(super) async fn assert_unharmed(self, attack: &str) {
        self.end.cancel();
        let took = self.requests.await.expect("no request of the bystander fails");
        let (count, p99) = (took.len(), p99(took));
        println!(
            "{attack}: bystander p99 {p99:.1?} over {count} requests, {:.1?} in quiet, no error",
            self.quiet
        );
        assert!(p99 <= SLOW.max(self.quiet * 2), "{attack}: {p99:?}, in quiet {:?}", self.quiet);
    }
}

async fn ask(client: &ApiClient) -> Duration {
    let sent = Instant::now();
    assert_eq!(client.get("/Jobs/NBXk9EyErUZv1RhXgyvgg").await.status, StatusCode::NOT_FOUND);
    sent.elapsed()
}

fn p99(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took.get(took.len() * 99 / 100).copied().unwrap_or_default()
}
