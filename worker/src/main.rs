//! `resend-worker`: reads the settings, starts the parts of a worker, and stops them in order.

use std::process::ExitCode;
use std::sync::Arc;

use shared::queue::{Gauges, Queue};
use shared::redis::Redis;
use shared::runtime::cli::Program;
use shared::runtime::health::{Health, Readiness};
use shared::runtime::{crash, http, service_manager, shutdown, tls};
use shared::settings::table;
use shared::telemetry;
use shared::telemetry::Traces;
use tokio_util::sync::CancellationToken;
use worker::admin;
use worker::config::WorkerConfig;
use worker::context::Context;
use worker::reporter::Reporter;
use worker::resend_approval::resend_approval;
use worker::runner::{WorkerRunner, unique_name};

/// Longest a stop waits to withdraw the worker's report.
const WITHDRAWN_WITHIN: std::time::Duration = std::time::Duration::from_secs(1);

const NAME: &str = "resend-worker";
const ABOUT: &str = "Takes resend jobs from Redis, decides, sends the SMS and writes the result";

fn main() -> ExitCode {
    let program = Program { name: NAME, about: ABOUT, settings: table::WORKER };
    let configured = match program.start(WorkerConfig::from_settings) {
        Ok(configured) => configured,
        Err(exit) => return exit,
    };
    let config = &configured.config;
    let _logging = telemetry::start_logging(NAME, &config.log);
    configured.log_warnings();
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "stopped");
            ExitCode::FAILURE
        }
    }
}

/// One thread: jobs mostly wait for other services, and a second thread costs each a quarter more CPU in wake-ups and
/// locks. To use more cores, run more workers.
#[tokio::main(flavor = "current_thread")]
async fn run(config: &WorkerConfig) -> Result<(), Box<dyn std::error::Error>> {
    crash::contain();
    tls::install_crypto_provider();
    let metrics = telemetry::start_metrics(NAME)?;
    let traces = Traces::start(NAME, &config.traces)?;
    let asked = shutdown::on_signal()?;
    let redis = Redis::new(&config.redis)?;
    let queue = Queue::new(redis, config.queue.clone());
    let context = Arc::new(Context::new(config, queue.clone())?);
    let readiness = Readiness::default();
    compare_settings(&queue, config).await?;
    let listener = http::listen(config.listen)?;
    let name = unique_name();
    let runner = WorkerRunner { queue: queue.clone(), name: name.clone(), concurrency: config.concurrency };
    let consuming = runner.start(asked.clone());
    let consumer = consuming.consumer();
    let health = Health::new(readiness.clone(), metrics.clone(), Gauges::new(queue.operator().clone()))
        .unless(move || consumer.intake().refusal());

    let stopped = CancellationToken::new();
    tokio::spawn(telemetry::keep_up_metrics(metrics, stopped.clone()));
    tokio::spawn(queue.producer().clone().watch_redis(stopped.clone()));
    let board = config.board_token.clone().map(|token| (queue.clone(), token));
    let admin = tokio::spawn(admin::serve(listener, health, board, stopped.clone()));

    service_manager::supervise(asked.clone());
    readiness.set(true);
    let unready = tokio::spawn(turn_unready(readiness, asked));
    let sending = context.clone();
    tracing::info!(consumer = name, slots = config.concurrency, "taking jobs");
    let reporter = Reporter { queue, name, context: context.clone(), settings: config.fleet.clone() };
    let reporting = tokio::spawn(reporter.run(stopped.clone()));
    let turns = context.clone();
    let turn = move || {
        let turns = turns.clone();
        async move { turns.sender.reserve().await }
    };
    let ended = consuming
        .run_in_turn(turn, move |held, state, slot| {
            let context = context.clone();
            async move {
                let _run = context.runs.begin();
                resend_approval(&held.traced(), &context, &state, slot).await
            }
        })
        .await;
    sending.sender.close().await;
    unready.abort();
    stopped.cancel();
    drop(tokio::time::timeout(WITHDRAWN_WITHIN, reporting).await);
    traces.shutdown().await;
    admin.await??;
    tracing::info!("stopped");
    Ok(ended?)
}

/// A worker whose settings must not run beside those of others does not start.
async fn compare_settings(queue: &Queue, config: &WorkerConfig) -> Result<(), Box<dyn std::error::Error>> {
    match queue.operator().compare_settings(&config.fleet).await {
        Ok(None) => Ok(()),
        Ok(Some(refused)) => Err(format!("{refused}, in a fleet at work: {}", refused.advice()).into()),
        Err(error) => {
            tracing::warn!(%error, "settings were not compared with the fleet's");
            Ok(())
        }
    }
}

/// Readiness changes before anything else, so that nobody relies on a worker that is leaving.
async fn turn_unready(readiness: Readiness, asked: CancellationToken) {
    asked.cancelled().await;
    readiness.set(false);
}
