//! `stats`: one look, or with `--watch` one after the other.

mod figures;
mod screen;
mod terminal;

use std::collections::VecDeque;
use std::time::Duration;

use shared::domain::clock;
use shared::queue::{JobStatus, Queue, QueueError};
use shared::runtime::shutdown;
use tokio::time::sleep;

use super::exit::CtlError;
use super::output::{Output, json_line, print};
pub(crate) use figures::Figures;
pub(crate) use screen::Screen;
use terminal::{Key, Terminal};

/// Time over which `stats` measures its rates.
const MEASURED_OVER: Duration = Duration::from_secs(1);

/// Looks the live view remembers.
const HISTORY: usize = 60;

/// Failures the live view shows.
const FAILURES: usize = 5;

pub(super) async fn once(queue: &Queue, output: Output) -> Result<(), CtlError> {
    let before = look(queue, None).await?;
    sleep(MEASURED_OVER).await;
    let now = look(queue, Some(&before)).await?;
    output.answer(&now, || Screen { now: &now, ..Screen::default_for(&now) }.text())
}

pub(super) async fn watch(queue: &Queue, output: Output, every: Duration) -> Result<(), CtlError> {
    let stop = shutdown::on_signal()?;
    let watching = async {
        if output.is_live() {
            Box::pin(live(queue, every)).await
        } else {
            Box::pin(lines(queue, output, every)).await
        }
    };
    stop.run_until_cancelled(watching).await.unwrap_or(Ok(()))
}

pub(crate) async fn look(queue: &Queue, before: Option<&Figures>) -> Result<Figures, QueueError> {
    Ok(Figures::new(&queue.config().name, clock::now_ms(), queue.overview().await?, before))
}

/// A line each time, for a log or another program.
async fn lines(queue: &Queue, output: Output, every: Duration) -> Result<(), CtlError> {
    let mut before = look(queue, None).await?;
    loop {
        sleep(every).await;
        let now = look(queue, Some(&before)).await?;
        if output.is_json() {
            json_line(&now)?;
        } else {
            print(format!("{}\n", now.line()).as_bytes())?;
        }
        before = now;
    }
}

/// Draws over the whole terminal until somebody ends it. While Redis is away the last figures stay, with a warning.
async fn live(queue: &Queue, every: Duration) -> Result<(), CtlError> {
    let mut terminal = Terminal::take()?;
    let (mut before, mut failures, mut backlog) = (look(queue, None).await?, Vec::new(), VecDeque::new());
    loop {
        let mut trouble = None;
        match look_further(queue, &before).await {
            Ok((now, failed)) => {
                backlog.push_back(now.live);
                if backlog.len() > HISTORY {
                    backlog.pop_front();
                }
                (before, failures) = (now, failed);
            }
            Err(error) => trouble = Some(error.to_string()),
        }
        let screen = Screen {
            now: &before,
            failures: &failures,
            backlog: backlog.make_contiguous(),
            trouble: trouble.as_deref(),
            live: true,
        };
        terminal.draw(&screen)?;
        while let Some(key) = tokio::time::timeout(every, terminal.key()).await.unwrap_or(Some(Key::Time)) {
            match key {
                Key::End => return Ok(()),
                Key::Resized => terminal.draw(&screen)?,
                Key::Time => break,
            }
        }
    }
}

async fn look_further(queue: &Queue, before: &Figures) -> Result<(Figures, Vec<JobStatus>), QueueError> {
    Ok((look(queue, Some(before)).await?, queue.failed_jobs(FAILURES, |_| true).await?))
}
