//! Listing jobs without an index: in small steps, oldest first, with a cursor to continue from.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use super::Operator;
use super::jobs::{JobStatus, Progress};
use crate::domain::ids::{InvalidId, JobId};
use crate::domain::message::Message;
use crate::queue::QueueError;

/// Jobs read in one step.
const STEP: usize = 200;

/// Most jobs read in one call: a backlog of a million must not be read at once.
const MAX_SCANNED: usize = 10_000;

/// Where a listing continues: after an entry of the stream, or after this many of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobCursor {
    /// Entries of the stream: jobs that wait for a worker or are held by one.
    Stream(String),
    /// Scheduled jobs, by due time.
    Scheduled(usize),
    /// Jobs that failed; the newest thousand are known.
    Failed(usize),
}

/// The result of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobPage {
    /// The matching jobs, oldest first within each source.
    pub jobs: Vec<JobStatus>,
    /// How many were read.
    pub looked_at: usize,
    /// Where to continue; `None` at the end.
    pub next: Option<JobCursor>,
}

/// Jobs, each with the cursor after it.
type Step = Vec<(JobCursor, Option<JobId>)>;

impl JobCursor {
    /// The start of the jobs in this state; without a state, the start of those that have not ended.
    pub fn of(state: Option<Progress>) -> Self {
        match state {
            Some(Progress::Failed) => Self::failed(),
            Some(Progress::Scheduled) => Self::Scheduled(0),
            _ => Self::Stream(String::new()),
        }
    }

    /// The start of the failed jobs that are known.
    pub fn failed() -> Self {
        Self::Failed(0)
    }

    /// The start of the next source.
    fn next_place(&self) -> Option<Self> {
        match self {
            Self::Stream(_) => Some(Self::Scheduled(0)),
            Self::Scheduled(_) => Some(Self::failed()),
            Self::Failed(_) => None,
        }
    }
}

impl fmt::Display for JobCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(entry) => write!(f, "stream:{entry}"),
            Self::Scheduled(behind) => write!(f, "scheduled:{behind}"),
            Self::Failed(behind) => write!(f, "failed:{behind}"),
        }
    }
}

impl FromStr for JobCursor {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let wrong = || InvalidId { wants: "a cursor as `jobs list` shows it, such as scheduled:200" };
        let (place, behind) = text.split_once(':').ok_or_else(wrong)?;
        let number = || behind.parse().map_err(|_| wrong());
        let is_entry = behind.chars().all(|c| c.is_ascii_digit() || c == '-');
        match place {
            "stream" if is_entry => Ok(Self::Stream(behind.to_owned())),
            "scheduled" => Ok(Self::Scheduled(number()?)),
            "failed" => Ok(Self::Failed(number()?)),
            _ => Err(wrong()),
        }
    }
}

impl Operator {
    /// Matching jobs, at most `limit`, starting at `from`; failed ones only if requested. Jobs that change meanwhile
    /// may be missed.
    pub async fn jobs(
        &self,
        from: JobCursor,
        with_failed: bool,
        limit: usize,
        fits: impl Fn(&JobStatus) -> bool,
    ) -> Result<JobPage, QueueError> {
        let (mut page, mut at) = (JobPage { jobs: Vec::new(), looked_at: 0, next: None }, Some(from));
        while let Some(cursor) = at {
            if matches!(cursor, JobCursor::Failed(_)) && !with_failed {
                break;
            }
            if page.looked_at >= MAX_SCANNED || page.jobs.len() >= limit {
                page.next = Some(cursor);
                break;
            }
            let step = self.step(&cursor).await?;
            at = if step.len() < STEP {
                cursor.next_place()
            } else {
                step.last().map(|(cursor, _)| cursor.clone())
            };
            let ids: Vec<_> = step.iter().filter_map(|(_, job)| job.clone()).collect();
            let mut known: HashMap<_, _> =
                self.describe(&ids).await?.into_iter().map(|job| (job.job.clone(), job)).collect();
            for (behind, job) in step {
                page.looked_at += 1;
                let Some(job) = job.and_then(|job| known.remove(&job)).filter(&fits) else { continue };
                page.jobs.push(job);
                if page.jobs.len() == limit {
                    at = Some(behind);
                    break;
                }
            }
        }
        Ok(page)
    }

    async fn step(&self, cursor: &JobCursor) -> Result<Step, QueueError> {
        match cursor {
            JobCursor::Stream(entry) => self.entries_behind(entry).await,
            JobCursor::Scheduled(behind) => self.scheduled_behind(*behind).await,
            JobCursor::Failed(behind) => self.failed_behind(*behind).await,
        }
    }

    async fn entries_behind(&self, entry: &str) -> Result<Step, QueueError> {
        let from = if entry.is_empty() { "-".to_owned() } else { format!("({entry}") };
        let mut ask = ::redis::cmd("XRANGE");
        ask.arg(self.core.keys.stream()).arg(from).arg("+").arg("COUNT").arg(STEP);
        let entries: Vec<(String, HashMap<String, Vec<u8>>)> = self.core.redis.command(&ask).await?;
        let read = |(entry, fields): (String, HashMap<String, Vec<u8>>)| {
            (JobCursor::Stream(entry), fields.get("m").and_then(|message| job_of(message)))
        };
        Ok(entries.into_iter().map(read).collect())
    }

    async fn scheduled_behind(&self, behind: usize) -> Result<Step, QueueError> {
        let mut ask = ::redis::cmd("ZRANGE");
        ask.arg(self.core.keys.scheduled()).arg(behind).arg(behind + STEP - 1);
        let messages: Vec<Vec<u8>> = self.core.redis.command(&ask).await?;
        let read =
            |(at, message): (usize, &Vec<u8>)| (JobCursor::Scheduled(behind + at + 1), job_of(message));
        Ok(messages.iter().enumerate().map(read).collect())
    }

    /// The list has the newest first.
    async fn failed_behind(&self, behind: usize) -> Result<Step, QueueError> {
        let signed = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let mut ask = ::redis::cmd("LRANGE");
        ask.arg(self.core.keys.failures()).arg(-signed(behind + STEP)).arg(-signed(behind + 1));
        let newest_first: Vec<String> = self.core.redis.command(&ask).await?;
        let read = |(at, id): (usize, &String)| (JobCursor::Failed(behind + at + 1), id.parse().ok());
        Ok(newest_first.iter().rev().enumerate().map(read).collect())
    }
}

fn job_of(message: &[u8]) -> Option<JobId> {
    Message::decode(message).ok().map(|message| message.job)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_nothing_else_is_one() {
        for text in ["stream:", "stream:1533206716000-0", "scheduled:200", "failed:0"] {
            assert_eq!(text.parse::<JobCursor>().unwrap().to_string(), text);
        }
        for text in ["", "stream", "stream:+", "failed:-1", "scheduled:x", "elsewhere:1"] {
            assert!(text.parse::<JobCursor>().is_err(), "{text}");
        }
    }
}
