//! Logs and metrics: how they are set up, and the one list of metric names.
//!
//! Rules for log lines: the id stands in a field of its own, units are in the field's name, an error is logged once,
//! where it is handled, and no line holds a code, a full phone number, a token or a name.

use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// Names of the metrics, exactly as the contract has them. Labels never hold an id or a phone number.
pub mod metric {
    /// Counter: jobs stored by this process.
    pub const JOBS_ACCEPTED: &str = "resend_jobs_accepted_total";
    /// Counter by `status_code`: jobs ended by this process.
    pub const JOBS_FINISHED: &str = "resend_jobs_finished_total";
    /// Histogram, seconds from accept to the start of a job's first run.
    pub const JOB_WAIT: &str = "resend_job_wait_seconds";
    /// Histogram, seconds of one run.
    pub const JOB_RUN: &str = "resend_job_run_seconds";
    /// Histogram: deliveries a job needed to end.
    pub const JOB_DELIVERIES: &str = "resend_job_deliveries";
    /// Counter by `channel`, `result`.
    pub const SMS: &str = "resend_sms_total";
    /// Histogram, seconds of one submission.
    pub const SMS_SECONDS: &str = "resend_sms_seconds";
    /// Histogram by `service`, `result`: seconds of one upstream call.
    pub const UPSTREAM_SECONDS: &str = "resend_upstream_seconds";
    /// Counter by `limit`.
    pub const LIMIT_HITS: &str = "resend_limit_hits_total";
    /// Counter by `route`, `method`, `code`.
    pub const HTTP_REQUESTS: &str = "resend_http_requests_total";
    /// Histogram: seconds of one request.
    pub const HTTP_SECONDS: &str = "resend_http_seconds";
    /// Gauge: clients that wait for a job.
    pub const HTTP_WAITING: &str = "resend_http_waiting";
    /// Histogram: seconds between a job's predicted and actual end.
    pub const ETA_ERROR: &str = "resend_eta_error_seconds";
    /// Gauge by `state`.
    pub const QUEUE_JOBS: &str = "resend_queue_jobs";
    /// Gauge: age of the oldest waiting job.
    pub const QUEUE_OLDEST: &str = "resend_queue_oldest_seconds";
    /// Gauge: live workers.
    pub const WORKERS: &str = "resend_workers";
}

/// Upper bounds of every histogram in seconds: from a warm in-process answer to the job deadline.
const SECONDS: [f64; 16] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0, 300.0];

/// Deliveries: one is the rule, three the default limit.
const DELIVERIES: [f64; 5] = [1.0, 2.0, 3.0, 5.0, 10.0];

/// Between two tidyings of the metrics.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts logging to standard error. Later calls change nothing, so that tests may call it freely.
pub fn start_logging(config: &LogConfig) {
    // The filter was parsed when the settings were read.
    let filter = EnvFilter::try_new(&config.filter).unwrap_or_default();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let started = match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => {
            builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
        }
    };
    drop(started);
}

/// Installs the process' metrics registry.
pub fn start_metrics() -> Result<PrometheusHandle, metrics_exporter_prometheus::BuildError> {
    PrometheusBuilder::new()
        .set_buckets(&SECONDS)?
        .set_buckets_for_metric(Matcher::Full(metric::JOB_DELIVERIES.to_owned()), &DELIVERIES)?
        .install_recorder()
}

/// Tidies the metrics until `stop` is cancelled: samples of histograms pile up in memory where nobody scrapes.
pub async fn keep_up_metrics(metrics: PrometheusHandle, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(UPKEEP)).await.is_some() {
        metrics.run_upkeep();
    }
}
