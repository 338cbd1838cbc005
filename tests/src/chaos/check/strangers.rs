//! I7: only the owner sees a result.

use reqwest::StatusCode;

use super::Breach;
use crate::client::ApiClient;

/// How many jobs are tried.
const SAMPLE: usize = 20;

/// Reads jobs of the first client as another client, and as the owner.
pub async fn see_nothing(owner: &ApiClient, jobs: impl Iterator<Item = &str>) -> Option<Breach> {
    let stranger = owner.with_token("mis-b-token");
    let mut seen = Vec::new();
    for job in jobs.take(SAMPLE) {
        let path = format!("/Jobs/{job}");
        let (mine, theirs) = (owner.get(&path).await, stranger.get(&path).await);
        if theirs.status != StatusCode::NOT_FOUND || mine.status != StatusCode::OK {
            seen.push(format!("{job} (owner {}, stranger {})", mine.status.as_u16(), theirs.status.as_u16()));
        }
    }
    Breach::of("I7", "read by a stranger, or not by its owner", seen)
}
