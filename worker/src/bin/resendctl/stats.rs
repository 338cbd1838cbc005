//! `stats`: one view of the queue, or with `--watch` a new one every second.

mod text;

use std::time::Duration;

use shared::queue::Queue;
use shared::runtime::shutdown;
use tokio::time::sleep;
use worker::ops::figures::{Figures, look};

use super::exit::CtlError;
use super::output::{Output, json_line, print};

/// Time over which `stats` measures its rates.
const MEASURED_OVER: Duration = Duration::from_secs(1);

/// Moves a terminal's cursor home and clears what is below.
const CLEAR: &str = "\x1b[H\x1b[J";

pub(super) async fn once(queue: &Queue, output: Output) -> Result<(), CtlError> {
    let before = look(queue, None).await?;
    sleep(MEASURED_OVER).await;
    let now = look(queue, Some(&before)).await?;
    output.answer(&now, || text::of(&now))
}

/// Repeats until a signal ends it. While Redis is away the last figures stay in a terminal, with the error above them;
/// elsewhere the error is a line on standard error.
pub(super) async fn watch(queue: &Queue, output: Output, every: Duration) -> Result<(), CtlError> {
    let stop = shutdown::on_signal()?;
    let mut before = look(queue, None).await?;
    while stop.run_until_cancelled(sleep(every)).await.is_some() {
        match look(queue, Some(&before)).await {
            Ok(now) => {
                show(&now, None, output)?;
                before = now;
            }
            Err(error) if output.is_live() => show(&before, Some(&error.to_string()), output)?,
            Err(error) => eprintln!("resendctl: no figures: {error}"),
        }
    }
    Ok(())
}

/// A terminal shows the whole text each time; a log or a program gets one line.
fn show(now: &Figures, trouble: Option<&str>, output: Output) -> Result<(), CtlError> {
    if output.is_json() {
        return json_line(now);
    }
    if !output.is_live() {
        return print(format!("{}\n", now.line()).as_bytes());
    }
    let trouble = trouble.map(|error| format!("NO FIGURES since {}: {error}\n", now.at)).unwrap_or_default();
    print(format!("{CLEAR}{trouble}{}\n", text::of(now)).as_bytes())
}
