//! The conditions that must hold once it is over.

use super::scrapes::{CALLS_OF_THE_GATEWAY, Scrapes};
use super::{Timeline, Times};
use crate::chaos::evidence::Evidence;
use crate::chaos::scenario_result::ScenarioResult;

/// A message in progress when the fault was set or removed.
const ON_ITS_WAY_MS: i64 = 300;

/// Messages that a worker may hand over before it leaves the gateway alone: one per slot.
const SLOTS: usize = 64;

/// Compares jobs, messages and answers with the promises.
pub(super) fn of_the_record(
    evidence: &Evidence,
    timeline: &Timeline,
    times: &Times,
    result: &mut ScenarioResult,
) {
    let (asked, accepted) = (evidence.asked.len(), evidence.accepted().len());
    result.exactly("requests asked", asked, timeline.requests());
    result.exactly("answered 202", accepted, asked);
    let (processed, failed) = (evidence.in_state("processed"), evidence.in_state("failed"));
    result.exactly("jobs ended", processed + failed, accepted);
    result.exactly("messages taken, one for each job that ended well", evidence.ledger.len(), processed);
    let quiet = times.refused_from + ON_ITS_WAY_MS..times.refused_until;
    let meanwhile = evidence.ledger.iter().filter(|message| quiet.contains(&message.ts)).count();
    result.exactly("messages taken while it refused", meanwhile, 0);
    let ours = |status: Option<u16>| matches!(status, Some(502 | 504));
    let otherwise = evidence.records.values().filter(|of| of.state == "failed" && !ours(of.status)).count();
    result.exactly("jobs failed otherwise than by 502 or 504", otherwise, 0);
    if timeline.outlasts_the_deadline() {
        result.at_least("jobs failed at their deadline", failed, 1);
    } else {
        result.exactly("jobs failed", failed, 0);
    }
}

/// Checks the scraped metrics.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(super) fn of_the_metrics(scraped: &Scrapes, timeline: &Timeline, result: &mut ScenarioResult) {
    let per_second = usize::try_from(timeline.per_second).unwrap_or(usize::MAX);
    let seconds = usize::try_from(timeline.down.as_secs().min(timeline.deadline)).unwrap_or(usize::MAX);
    let most = scraped.most("resend_queue_jobs{state=\"scheduled\"") as usize;
    result.at_least("jobs put back at the height of it", most, per_second * seconds / 2);
    let tries = (scraped.last(CALLS_OF_THE_GATEWAY) - taken(scraped)) as usize;
    let probes = usize::try_from(timeline.down.as_secs()).unwrap_or(usize::MAX);
    result.at_most("calls the gateway refused, by two workers", tries, 2 * (SLOTS + probes));
    result.at_least("calls the gateway refused", tries, 16);
}

fn taken(scraped: &Scrapes) -> f64 {
    scraped.last("resend_sms_total{channel=\"http\",result=\"taken\"")
}
