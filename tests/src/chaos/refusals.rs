//! How clients were refused while the service could not accept: quickly, with 503 and a `Retry-After`.

use std::time::Duration;

use super::client_request::{Attempt, ClientAnswer, ClientRequest};
use super::scenario_result::ScenarioResult;

/// Longest time until a refusal (scenario 15); anything slower leaves the client hanging.
const REFUSED_WITHIN: Duration = Duration::from_millis(2_500);

/// Largest `Retry-After` of a 503, seconds (scenario 9).
const COME_BACK_WITHIN: u64 = 2;

/// Adds the refusals, and what was wrong with them.
pub fn report(asked: &[ClientRequest], result: &mut ScenarioResult) {
    let refused: Vec<&Attempt> = asked
        .iter()
        .flat_map(|asked| &asked.attempts)
        .filter(|attempt| {
            matches!(attempt.told, ClientAnswer::Status { status: 500.., .. } | ClientAnswer::Broken)
        })
        .collect();
    let unlike = |attempt: &&&Attempt| !matches!(attempt.told, ClientAnswer::Status { status: 503, retry_after: Some(seconds) } if seconds <= COME_BACK_WITHIN);
    let other: Vec<_> = refused.iter().filter(unlike).collect();
    result.note(format!("{} refused", refused.len()));
    let example = other.first().map(|attempt| format!("{:?} after {:.1?}", attempt.told, attempt.took));
    result.require(
        other.is_empty(),
        format!("{} refusals other than 503 with Retry-After ≤ {COME_BACK_WITHIN}", other.len()),
        example.unwrap_or_default(),
    );
    let slowest = refused.iter().map(|attempt| attempt.took).max().unwrap_or_default();
    result.within("slowest refusal", Some(slowest), REFUSED_WITHIN);
}

/// The longest time between two acceptances.
pub fn longest_without_a_202(asked: &[ClientRequest]) -> Duration {
    let attempts = asked.iter().flat_map(|asked| &asked.attempts);
    let accepted = attempts.filter(|attempt| matches!(attempt.told, ClientAnswer::Accepted { .. }));
    let mut at: Vec<i64> = accepted
        .map(|attempt| attempt.at_ms + i64::try_from(attempt.took.as_millis()).unwrap_or(0))
        .collect();
    at.sort_unstable();
    let gap = at.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(i64::MAX);
    Duration::from_millis(u64::try_from(gap).unwrap_or(u64::MAX))
}
