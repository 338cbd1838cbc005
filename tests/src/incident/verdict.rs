//! What must be so once it is over.

use super::scrapes::{CALLS_OF_THE_GATEWAY, Scrapes};
use super::{Course, Times};
use crate::chaos::evidence::Evidence;
use crate::chaos::finding::Finding;

/// A message under way when the fault was set, or when it was taken away.
const ON_ITS_WAY_MS: i64 = 300;

/// Messages a worker may hand over before it leaves the gateway alone: one for each slot.
const SLOTS: usize = 64;

/// Jobs, messages and answers against what was promised.
pub(super) fn of_the_record(evidence: &Evidence, course: &Course, times: &Times, finding: &mut Finding) {
    let (asked, accepted) = (evidence.asked.len(), evidence.accepted().len());
    finding.exactly("requests asked", asked, course.requests());
    finding.exactly("answered 202", accepted, asked);
    let (processed, failed) = (evidence.in_state("processed"), evidence.in_state("failed"));
    finding.exactly("jobs ended", processed + failed, accepted);
    finding.exactly("messages taken, one for each job that ended well", evidence.ledger.len(), processed);
    let quiet = times.refused_from + ON_ITS_WAY_MS..times.refused_until;
    let meanwhile = evidence.ledger.iter().filter(|message| quiet.contains(&message.ts)).count();
    finding.exactly("messages taken while it refused", meanwhile, 0);
    let ours = |status: Option<u16>| matches!(status, Some(502 | 504));
    let otherwise = evidence.records.values().filter(|of| of.state == "failed" && !ours(of.status)).count();
    finding.exactly("jobs failed otherwise than by 502 or 504", otherwise, 0);
    if course.outlasts_the_deadline() {
        finding.at_least("jobs failed at their deadline", failed, 1);
    } else {
        finding.exactly("jobs failed", failed, 0);
    }
}

/// What Prometheus saw.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(super) fn of_the_metrics(scraped: &Scrapes, course: &Course, finding: &mut Finding) {
    let per_second = usize::try_from(course.per_second).unwrap_or(usize::MAX);
    let seconds = usize::try_from(course.down.as_secs().min(course.deadline)).unwrap_or(usize::MAX);
    let most = scraped.most("resend_queue_jobs{state=\"scheduled\"") as usize;
    finding.at_least("jobs put back at the height of it", most, per_second * seconds / 2);
    let tries = (scraped.last(CALLS_OF_THE_GATEWAY) - taken(scraped)) as usize;
    let probes = usize::try_from(course.down.as_secs()).unwrap_or(usize::MAX);
    finding.at_most("calls the gateway refused, by two workers", tries, 2 * (SLOTS + probes));
    finding.at_least("calls the gateway refused", tries, 16);
}

fn taken(scraped: &Scrapes) -> f64 {
    scraped.last("resend_sms_total{channel=\"http\",result=\"taken\"")
}
