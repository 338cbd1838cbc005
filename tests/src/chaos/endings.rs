//! Listens to the published ends of jobs, and records what a client would have read at that moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::keys::keys;

use futures_util::StreamExt;
use redis::{Client, RedisResult};
use tokio::task::JoinHandle;

use super::records::{self, Record};

/// Wait before a listener that lost Redis tries again.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// A job's end as first read.
#[derive(Debug, Clone)]
pub struct Ending {
    /// The time.
    pub at: Instant,
    /// The content of Redis then.
    pub record: Record,
    /// How often an end was published.
    pub times: u32,
}

/// A running listener.
pub struct Endings {
    seen: Arc<Mutex<HashMap<String, Ending>>>,
    listening: JoinHandle<()>,
}

impl Endings {
    /// Listens on this server, across restarts.
    pub fn of(url: &str) -> Self {
        let (seen, url) = (Arc::default(), url.to_owned());
        let into = Arc::clone(&seen);
        let listening = tokio::spawn(async move {
            loop {
                // While Redis is away nothing ends there either; anything missed is found in the final reading.
                let _ = listen(&url, &into).await;
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        });
        Self { seen, listening }
    }

    /// The ends so far.
    pub fn seen(&self) -> HashMap<String, Ending> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many jobs have ended so far.
    pub fn count(&self) -> usize {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Drop for Endings {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(url: &str, into: &Mutex<HashMap<String, Ending>>) -> RedisResult<()> {
    let client = Client::open(url)?;
    let mut reading = client.get_multiplexed_async_connection().await?;
    let mut pubsub = client.get_async_pubsub().await?;
    pubsub.subscribe(&keys().ended()).await?;
    let mut ends = pubsub.into_on_message().ready_chunks(500);
    while let Some(ended) = ends.next().await {
        let at = Instant::now();
        let ended = ended.iter().map(redis::Msg::get_payload).collect::<Result<Vec<String>, _>>()?;
        let jobs: Vec<_> = ended.iter().flat_map(|ids| ids.split(' ')).map(str::to_owned).collect();
        let mut records = records::of(&mut reading, &jobs).await?;
        let mut seen = into.lock().unwrap_or_else(PoisonError::into_inner);
        for job in jobs {
            let record = records.remove(&job).unwrap_or_default();
            let ending = seen.entry(job).or_insert(Ending { at, record, times: 0 });
            ending.times += 1;
        }
    }
    Ok(())
}
