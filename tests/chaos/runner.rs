//! Runs scenarios one after the other, with a bar on a terminal. A panic in one is that one's failure.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tests::chaos::env::Setup;
use tests::chaos::finding::Finding;
use tests::chaos::seed::Seed;

use crate::catalogue::{self, Scenario};
use crate::report::Row;

/// Longest a scenario may take: past it, it hangs.
const LIMIT: Duration = Duration::from_mins(15);

/// Runs those asked for, or all.
pub(crate) async fn run(only: &[u8], short: bool, seed: Seed) -> Vec<Row> {
    let is_left_out = |number: u8| short && catalogue::UNMET.contains(&number);
    let is_chosen =
        |one: &&Scenario| only.contains(&one.number) || only.is_empty() && !is_left_out(one.number);
    let chosen: Vec<_> = catalogue::ALL.iter().filter(is_chosen).copied().collect();
    eprintln!("seed {}, {} form", seed.0, if short { "short" } else { "full" });
    let bar = ProgressBar::new(chosen.len() as u64);
    bar.set_style(style());
    bar.enable_steady_tick(Duration::from_millis(200));
    let mut rows = Vec::new();
    for scenario in chosen {
        bar.set_message(format!("{} {}", scenario.number, scenario.name));
        let start = Instant::now();
        let finding = run_once_or_twice(scenario, Setup { short, seed }).await;
        let row = Row { scenario, finding, took: start.elapsed() };
        bar.suspend(|| eprintln!("{}", crate::report::line(&row)));
        rows.push(row);
        bar.inc(1);
    }
    bar.finish_and_clear();
    rows
}

/// In the short form, which stands in the way of every change, a scenario that failed has a second try: a neighbour on
/// the machine makes times miss their bounds. What the first showed stays in the table. The full form has none.
async fn run_once_or_twice(scenario: Scenario, setup: Setup) -> Finding {
    let first = run_one(scenario, setup).await;
    if !setup.short || first.wrong.is_empty() {
        return first;
    }
    eprintln!("{} failed, second try: {}", scenario.number, first.wrong.join("; "));
    let mut second = run_one(scenario, setup).await;
    second.seen.push(format!("SECOND TRY, the first failed: {}", first.wrong.join("; ")));
    second
}

async fn run_one(scenario: Scenario, setup: Setup) -> Finding {
    let running = tokio::spawn((scenario.run)(setup));
    let stop = running.abort_handle();
    match tokio::time::timeout(LIMIT, running).await {
        Ok(Ok(finding)) => finding,
        Ok(Err(error)) => failed(panic_text(error)),
        Err(_) => {
            stop.abort();
            failed(format!("did not end within {LIMIT:?}"))
        }
    }
}

fn failed(what: String) -> Finding {
    Finding { wrong: vec![what], ..Finding::default() }
}

fn panic_text(error: tokio::task::JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "stopped".to_owned() };
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{bar:20} {pos}/{len} {elapsed} {msg}");
    style.unwrap_or_else(|_| ProgressStyle::default_bar())
}
