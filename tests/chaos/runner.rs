//! Runs scenarios, with a progress bar on a terminal: one after the other, or in the short form two at a time, because
//! most of each is waiting. A panic fails only its own scenario.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use indicatif::{ProgressBar, ProgressStyle};
use tests::chaos::env::Setup;
use tests::chaos::scenario_result::ScenarioResult;
use tests::chaos::seed::Seed;

use crate::catalogue::{self, Scenario};
use crate::report::Row;

/// Time limit of a scenario: after it, the scenario counts as hanging.
const LIMIT: Duration = Duration::from_mins(15);

/// The same for the full form of the longest one.
const LIMIT_OF_LONGEST: Duration = Duration::from_mins(150);

/// How many scenarios of the short form run at the same time.
const CONCURRENT_SCENARIOS: usize = 2;

/// Runs the selected scenarios, or all.
pub(crate) async fn run(only: &[u8], short: bool, seed: Seed) -> Vec<Row> {
    let is_chosen = |one: &&Scenario| only.is_empty() || only.contains(&one.number);
    let chosen: Vec<_> = catalogue::ALL.iter().filter(is_chosen).copied().collect();
    eprintln!("seed {}, {} form", seed.0, if short { "short" } else { "full" });
    let bar = ProgressBar::new(chosen.len() as u64);
    bar.set_style(style());
    bar.enable_steady_tick(Duration::from_millis(200));
    let (alone, beside): (Vec<_>, Vec<_>) =
        chosen.into_iter().partition(|one| !short || catalogue::ALONE.contains(&one.number));
    let setup = Setup { short, seed };
    let beside = stream::iter(beside)
        .map(|scenario| timed(scenario, setup, &bar))
        .buffer_unordered(CONCURRENT_SCENARIOS);
    let mut rows: Vec<Row> = beside.collect().await;
    for scenario in alone {
        rows.push(timed(scenario, setup, &bar).await);
    }
    rows.sort_by_key(|row| row.scenario.number);
    if short {
        try_again(&mut rows, setup, &bar).await;
    }
    bar.finish_and_clear();
    rows
}

async fn timed(scenario: Scenario, setup: Setup, bar: &ProgressBar) -> Row {
    bar.set_message(format!("{} {}", scenario.number, scenario.name));
    let start = Instant::now();
    let result = run_one(scenario, setup).await;
    let row = Row { scenario, result, took: start.elapsed() };
    bar.suspend(|| eprintln!("{}", crate::report::line(&row)));
    bar.inc(1);
    row
}

/// In the short form, which every change must pass, a failed scenario is repeated once, alone, because other load on
/// the machine can break its time limits. The first result stays in the table. The full form repeats nothing.
async fn try_again(rows: &mut [Row], setup: Setup, bar: &ProgressBar) {
    for row in rows.iter_mut().filter(|row| !row.result.wrong.is_empty()) {
        let first = format!("SECOND TRY, the first failed: {}", row.result.wrong.join("; "));
        *row = timed(row.scenario, setup, bar).await;
        row.result.seen.push(first);
    }
}

async fn run_one(scenario: Scenario, setup: Setup) -> ScenarioResult {
    let is_longest = scenario.number == catalogue::LONGEST && !setup.short;
    let limit = if is_longest { LIMIT_OF_LONGEST } else { LIMIT };
    let running = tokio::spawn((scenario.run)(setup));
    let stop = running.abort_handle();
    match tokio::time::timeout(limit, running).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => failed(panic_text(error)),
        Err(_) => {
            stop.abort();
            failed(format!("did not end within {limit:?}"))
        }
    }
}

fn failed(what: String) -> ScenarioResult {
    ScenarioResult { wrong: vec![what], ..ScenarioResult::default() }
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
