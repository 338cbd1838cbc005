//! I2 to I5: the gateway's ledger against the promises.

use std::collections::HashSet;

use super::Breach;
use crate::chaos::evidence::Evidence;
use crate::sandbox::Message;

/// A send that began in time may reach the gateway this much after the deadline.
const ON_ITS_WAY_MS: i64 = 1_000;

/// I2: one message per job; two if its worker died or its gateway left it open whether it took the message; four if a
/// gateway answers 503 with a time for messages that it took.
pub fn no_more_messages_than_allowed(evidence: &Evidence) -> Option<Breach> {
    let allowed = |job: &str| if evidence.excused.contains(job) { evidence.excused_messages.0 } else { 1 };
    let messages = evidence.messages();
    let over = messages.iter().filter(|(job, sent)| sent.len() > allowed(job));
    Breach::of("I2", "more messages than allowed", over.map(|(job, _)| (*job).to_owned()).collect())
}

/// I3: all messages of a job contain the same code, and each contains one.
pub fn one_code_per_job(evidence: &Evidence) -> Option<Breach> {
    let mixed = |sent: &[&Message]| {
        let codes: HashSet<_> = sent.iter().map(|message| code_of(&message.text)).collect();
        codes.len() > 1 || codes.contains(&None)
    };
    let jobs = evidence.messages().into_iter().filter(|(_, sent)| mixed(sent));
    Breach::of("I3", "messages with different codes, or none", jobs.map(|(job, _)| job.to_owned()).collect())
}

/// I4: each message belongs to a job that a client was promised, or that Redis knows, and goes to the phone of its
/// patient.
pub fn no_message_without_a_job(evidence: &Evidence) -> Option<Breach> {
    let accepted = evidence.accepted();
    let unknown = evidence.ledger.iter().filter_map(|message| {
        let job = message.reference.as_deref().unwrap_or_default();
        (!accepted.contains(job) && !evidence.records.contains_key(job)).then(|| format!("{job}?"))
    });
    let wrong_phone = evidence.asked.iter().filter_map(|asked| {
        let job = asked.job()?;
        let of_job = |message: &&Message| message.reference.as_deref() == Some(job);
        evidence
            .ledger
            .iter()
            .filter(of_job)
            .any(|message| message.to != asked.person.phone)
            .then(|| job.to_owned())
    });
    // The second pass is quadratic, so it covers only short runs.
    let small = evidence.ledger.len() * evidence.asked.len() <= 4_000_000;
    let jobs = if small { unknown.chain(wrong_phone).collect() } else { unknown.collect() };
    Breach::of("I4", "a message nobody was promised", jobs)
}

/// I5: no message after its job's deadline.
pub fn no_message_after_the_deadline(evidence: &Evidence) -> Option<Breach> {
    let late = evidence.ledger.iter().filter_map(|message| {
        let job = message.reference.as_deref()?;
        let deadline = evidence.records.get(job)?.deadline_ms;
        (message.ts > deadline.saturating_add(ON_ITS_WAY_MS)).then(|| job.to_owned())
    });
    Breach::of("I5", "a message after the deadline", late.collect())
}

/// The first sequence of exactly six digits in a text.
pub fn code_of(text: &str) -> Option<String> {
    text.split(|c: char| !c.is_ascii_digit()).find(|run| run.len() == 6).map(str::to_owned)
}
