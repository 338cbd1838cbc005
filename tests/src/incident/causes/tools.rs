//! The tools of an operator, read as an operator reads them.

use std::fmt;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::process::Command;

use super::super::BOARD_TOKEN;
use super::prometheus::Prometheus;
use crate::client::ApiClient;
use crate::process::program;
use crate::stack::Stack;

/// Time between two readings of one tool.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Stats,
    Doctor,
    Board,
    Log,
    Alerts,
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stats => "stats",
            Self::Doctor => "doctor",
            Self::Board => "board",
            Self::Log => "log",
            Self::Alerts => "alerts",
        })
    }
}

/// The clues that name a cause.
pub(super) struct Clue {
    /// In a line of `stats`, `doctor` and the board.
    sentence: String,
    /// In a line of the log that reports that something went down.
    log: String,
    /// The beginning of the alert.
    alert: String,
}

/// Lines of the log that report a cause.
const LOG_MESSAGES: [&str; 2] = ["upstream is down", "a worker that held jobs is gone"];

impl Clue {
    pub(super) fn new(sentence: &str, log: &str, alert: &str) -> Self {
        Self { sentence: sentence.to_owned(), log: log.to_owned(), alert: alert.to_owned() }
    }

    fn is_in(&self, line: &str, tool: Tool) -> bool {
        match tool {
            Tool::Alerts => line.starts_with(&self.alert),
            Tool::Log => LOG_MESSAGES.iter().any(|turn| line.contains(turn)) && line.contains(&self.log),
            Tool::Stats | Tool::Doctor | Tool::Board => line.contains(&self.sentence),
        }
    }
}

/// The line that named a cause, and when it was read; `None` if none did in time.
type Named = Option<(String, Instant)>;

pub(super) struct Tools {
    prometheus: Prometheus,
}

impl Tools {
    pub(super) async fn start(stack: &Stack) -> Self {
        Self { prometheus: Prometheus::start(stack).await }
    }

    pub(super) async fn stop(self) {
        self.prometheus.stop().await;
    }

    /// The present output of each tool.
    pub(super) async fn say_once(&self, stack: &Stack) -> Vec<(Tool, String)> {
        let all = [Tool::Stats, Tool::Doctor, Tool::Board, Tool::Alerts];
        join_all(all.map(|tool| async move { (tool, self.read(tool, stack).await) })).await
    }

    /// Reads each tool until one of its lines has the clue.
    pub(super) async fn name(&self, stack: &Stack, clue: &Clue, within: Duration) -> Vec<(Tool, Named)> {
        let all = [Tool::Stats, Tool::Doctor, Tool::Board, Tool::Log, Tool::Alerts];
        let named = |tool| async move {
            let until = Instant::now() + within;
            while Instant::now() < until {
                let text = self.read(tool, stack).await;
                if let Some(line) = text.lines().find(|line| clue.is_in(line, tool)) {
                    return (tool, Some((line.trim().to_owned(), Instant::now())));
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
            (tool, None)
        };
        join_all(all.map(named)).await
    }

    async fn read(&self, tool: Tool, stack: &Stack) -> String {
        match tool {
            Tool::Stats => resendctl(stack, &["stats"]).await,
            Tool::Doctor => resendctl(stack, &["doctor"]).await,
            // The second worker survives every cause.
            Tool::Board => {
                let page = ApiClient::new(&stack.workers[1].url, BOARD_TOKEN).get("/board").await;
                alarms_of(page.body.as_str().unwrap_or_default())
            }
            Tool::Log => stack.workers[1].process.log(),
            Tool::Alerts => self.prometheus.firing().await,
        }
    }
}

async fn resendctl(stack: &Stack, words: &[&str]) -> String {
    let mut command = Command::new(program("resendctl"));
    command.args(words).env_clear().envs(stack.settings().iter().cloned());
    let output = command.output().await.expect("resendctl is built");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The alarms of a page, one a line, without their tags.
fn alarms_of(page: &str) -> String {
    let alarms = page.split("role=\"alert\">").skip(1).filter_map(|rest| rest.split("</div>").next());
    let plain = alarms.map(|alarm| alarm.replace("<b>", "").replace("</b>", ": "));
    plain.collect::<Vec<_>>().join("\n")
}
