//! The measured points, from the table in `deploy/capacity.md`.

/// The document that the points are read from, so that table and simulation cannot differ.
pub const MEASURED: &str = include_str!("../../../deploy/capacity.md");

/// The measurements. CPU is in microseconds of one core of the machine named in the document.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    /// CPU of the API for one PATCH.
    pub api_us: f64,
    /// Cores that API and Redis had together while accepting over 16 connections.
    pub accept_cores: f64,
    /// CPU of Redis for one accepted job.
    pub enqueue_us: f64,
    /// CPU of Redis from fetch to end of a job that does nothing.
    pub finish_us: f64,
    /// The same for a real job: limits, the intent to send, the code.
    pub real_finish_us: f64,
    /// CPU of the worker for a job that does nothing.
    pub worker_us: f64,
    /// Accepts a second, by connections.
    pub accepts: Vec<f64>,
    /// CPU of the API and of Redis for one PATCH, and accepts a second, without an append-only file.
    pub without_aof: (f64, f64, f64),
    /// Backlogs, and the rate in jobs a second at which each drained.
    pub drains: Vec<(f64, f64)>,
    /// Cores that worker and Redis had together in the longest drain.
    pub drain_cores: f64,
    /// Redis bytes of a waiting job.
    pub bytes_queued: f64,
    /// Redis bytes of an ended job that can still be read.
    pub bytes_finished: f64,
}

impl Points {
    /// Reads lines `| name | value | …`; the error is the name of the first missing one.
    pub fn read(text: &str) -> Result<Self, String> {
        let value = |name: &str| find(text, name).ok_or_else(|| name.to_owned());
        let drains = ["20000", "200000", "1000000"].map(|jobs| {
            let rate = value(&format!("jobs ended a second, backlog of {jobs} |"))?;
            Ok::<_, String>((jobs.parse().unwrap_or(f64::NAN), rate))
        });
        let accepts = ["64 connections", "16 connections"]
            .map(|set_up| value(&format!("jobs accepted a second, {set_up} |")));
        let without_aof = (
            value("without AOF: API, CPU µs per PATCH")?,
            value("without AOF: Redis, CPU µs per accepted job")?,
            value("without AOF: jobs accepted a second, 64 connections")?,
        );
        Ok(Self {
            api_us: value("API, CPU µs per PATCH")?,
            accept_cores: value("API and Redis, cores they had at 16")?,
            enqueue_us: value("Redis, CPU µs per accepted job")?,
            finish_us: value("Redis, CPU µs per job fetched and ended")?,
            real_finish_us: value("Redis, CPU µs per real job")?,
            worker_us: value("worker, CPU µs per job around the run")?,
            accepts: accepts.into_iter().collect::<Result<_, _>>()?,
            without_aof,
            drain_cores: value("worker and Redis, cores they had at 1000000")?,
            drains: drains.into_iter().collect::<Result<_, _>>()?,
            bytes_queued: value("Redis, bytes per queued job")?,
            bytes_finished: value("Redis, bytes per finished job")?,
        })
    }
}

fn find(text: &str, name: &str) -> Option<f64> {
    let line =
        text.lines().find(|line| line.strip_prefix("| ").is_some_and(|line| line.starts_with(name)))?;
    line.split('|').nth(2)?.trim().parse().ok()
}
