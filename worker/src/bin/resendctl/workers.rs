//! `workers`.

use serde::Serialize;
use shared::queue::{Queue, WorkerStatus};

use super::exit::CtlError;
use super::output::{Output, table};
use worker::ops::format::span;

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    alive: bool,
    slots: u64,
    running: u64,
    silent_seconds: Option<f64>,
}

pub(super) async fn list(queue: &Queue, output: Output) -> Result<(), CtlError> {
    let workers = queue.operator().overview().await?.workers;
    output.answer(&rows(&workers), || words(&workers))
}

fn rows<'a>(workers: &'a [WorkerStatus]) -> Vec<Row<'a>> {
    let row = |worker: &'a WorkerStatus| Row {
        name: &worker.name,
        alive: worker.alive,
        slots: worker.slots,
        running: worker.running,
        silent_seconds: worker.silent.map(|silent| silent.as_secs_f64()),
    };
    workers.iter().map(row).collect()
}

pub(super) fn words(workers: &[WorkerStatus]) -> String {
    let row = |worker: &WorkerStatus| {
        let slots = if worker.alive { worker.slots.to_string() } else { "–".to_owned() };
        vec![worker.name.clone(), state(worker), worker.running.to_string(), slots]
    };
    table(
        &["worker", "last heartbeat", "running", "slots"],
        workers.iter().map(row).collect(),
        "No worker is alive.",
    )
}

fn state(worker: &WorkerStatus) -> String {
    match worker.silent {
        Some(silent) if worker.alive => format!("{} ago", span(silent)),
        Some(silent) => format!("gone: silent for {}", span(silent)),
        None => "gone: its jobs are taken over after their lease".to_owned(),
    }
}
