//! The parts of the bench, in order. If one fails, that is a line in the table, and the run goes on.

use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;

use super::caught::caught;
use super::report::Report;
use super::{
    Effort, accept, cluster, drain, eta, machine, memory, peak, peers, pickup, poll, real, waiting, workers,
};

/// Time limit of a part: after it, the part counts as hanging.
const LIMIT: Duration = Duration::from_mins(15);

/// A part of the bench, in the order of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// PATCH against the bare server, and by how durably Redis stores it.
    Accept,
    /// GET against one read.
    Poll,
    /// A job that does nothing against the scripts' ceiling, by backlog.
    Drain,
    /// The same by one, two and four workers.
    Workers,
    /// The same, and PATCH, on a Redis Cluster.
    Cluster,
    /// The real job, against the same three calls alone, and against an earlier commit's programs.
    Real,
    /// The country's peak, everything on this machine.
    Peak,
    /// The time from stored to started.
    Pickup,
    /// Clients that wait: how soon they learn of an end, and their memory.
    Waiting,
    /// The memory that a job takes in Redis.
    Memory,
    /// The same routes and job on other queues.
    Peers,
    /// Predicted against actual ends.
    Eta,
}

/// Runs these parts; the table is written after each, so that nothing measured is lost.
pub(crate) async fn run(
    parts: &[Part],
    effort: Effort,
    before: Option<&Path>,
    write: Option<&Path>,
) -> Report {
    let mut report = Report::new(effort, machine::facts(), parts.len());
    for part in parts {
        let name = format!("{part:?}").to_lowercase();
        report.begin(&name);
        let measured = tokio::time::timeout(LIMIT, Box::pin(measure(*part, effort, before, &mut report)));
        match caught(measured).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => report.failed(&name, format!("not within {} s", LIMIT.as_secs())),
            Err(why) => report.failed(&name, why),
        }
        report.end_part();
        if let Some(path) = write {
            std::fs::write(path, report.markdown()).expect("the results can be written");
        }
    }
    report
}

async fn measure(part: Part, effort: Effort, before: Option<&Path>, report: &mut Report) {
    match part {
        Part::Accept => accept::measure(effort, report).await,
        Part::Poll => poll::measure(effort, report).await,
        Part::Drain => drain::measure(effort, report).await,
        Part::Workers => workers::measure(effort, report).await,
        Part::Cluster => cluster::measure(effort, report).await,
        Part::Real => real::measure(effort, before, report).await,
        Part::Peak => peak::measure(effort, report).await,
        Part::Pickup => pickup::measure(effort, report).await,
        Part::Waiting => waiting::measure(effort, report).await,
        Part::Memory => memory::measure(report).await,
        Part::Peers => peers::measure(effort, report).await,
        Part::Eta => Box::pin(eta::measure(report)).await,
    }
}
