//! Logs, metrics and traces: how they are set up, and the lists of metric and span names.
//!
//! Rules for log lines: the id has a field of its own, units are in the field's name, an error is logged once, where it
//! is handled, and no line has a code, a full phone number, a token or a name.

mod connect_failure;
mod in_flight;
mod json_lines;
mod log_output;
mod log_throttle;
pub mod metric;
pub mod span;
mod trace;
pub mod upstream_health;

use std::io;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::settings::{LogConfig, LogFormat};
pub use connect_failure::connect_failure;
pub use in_flight::{InFlight, InFlightGuard};
use json_lines::{JsonLines, span_fields};
use log_output::LogOutput;
pub use log_throttle::LogThrottle;
pub use trace::{TraceError, Traces};

/// Upper bounds of every histogram in seconds: from a warm in-process answer to the job deadline.
const SECONDS: [f64; 16] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0, 300.0];

/// Buckets of deliveries: usually one, at most three by default.
const DELIVERIES: [f64; 5] = [1.0, 2.0, 3.0, 5.0, 10.0];

/// Time between two upkeeps of the metrics. Until then every observation is kept: 16 bytes each, eight per job, one per
/// request.
const UPKEEP: Duration = Duration::from_millis(250);

/// Lines that may wait to be written; memory for all of them is allocated at once. If standard error blocks and they
/// run out, logging waits.
const LINES_WAITING: usize = 1_024;

/// Keeps logging running: when it is dropped, waiting lines are written.
#[must_use]
pub struct Logging(#[expect(dead_code, reason = "kept for what its drop does")] WorkerGuard);

/// Starts logging to standard error as this service; a second call changes nothing. A separate thread writes, because a
/// system call per request would be a twentieth of the cost of a request.
pub fn start_logging(service: &'static str, config: &LogConfig) -> Logging {
    // The filter was parsed when the settings were read.
    let filter = EnvFilter::try_new(&config.filter).unwrap_or_default();
    // The SMPP library logs each broken connection as an error; our own code logs it at most once a second.
    let filter = "rusmppc=off".parse().into_iter().fold(filter, EnvFilter::add_directive);
    let queue = NonBlockingBuilder::default().lossy(false).buffered_lines_limit(LINES_WAITING);
    let (writer, guard) = queue.thread_name("log").finish(LogOutput::new(io::stderr()));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_target(false);
    let started = match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.fmt_fields(span_fields()).event_format(JsonLines::of(service)).try_init(),
    };
    drop(started);
    Logging(guard)
}

/// Installs the process' metrics registry, and labels it with the program.
pub fn start_metrics(
    service: &'static str,
) -> Result<PrometheusHandle, metrics_exporter_prometheus::BuildError> {
    let metrics = PrometheusBuilder::new()
        .set_buckets(&SECONDS)?
        .set_buckets_for_metric(Matcher::Full(metric::JOB_DELIVERIES.to_owned()), &DELIVERIES)?
        .install_recorder()?;
    metric::describe();
    let labels = [("service", service), ("version", env!("CARGO_PKG_VERSION"))];
    metrics::gauge!(metric::BUILD_INFO, &labels).set(1.0);
    Ok(metrics)
}

/// Runs the upkeep of the metrics until `stop` is cancelled: samples of histograms pile up in memory if nobody scrapes.
pub async fn keep_up_metrics(metrics: PrometheusHandle, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(UPKEEP)).await.is_some() {
        metrics.run_upkeep();
    }
}
