//! `resend-api`: the HTTP API as a program.

use std::process::ExitCode;

use api::config::Config;
use shared::runtime::{cli, service_manager, shutdown, tls};
use shared::telemetry;
use shared::telemetry::Traces;
use tokio::net::TcpListener;

const NAME: &str = "resend-api";
const ABOUT: &str =
    "Takes requests to resend the SMS code of an approval, answers with a job and serves its result";

// Beside what serves requests: signals, accepting, subscriptions. Requests have threads of their own.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = match cli::start(NAME, ABOUT, Config::from_settings) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    let _logging = match telemetry::start_logging(&config.log) {
        Ok(logging) => logging,
        Err(error) => {
            eprintln!("{NAME}: cannot start to log: {error}");
            return ExitCode::FAILURE;
        }
    };
    tls::install_crypto_provider();
    match run(&config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "cannot start");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: &Config) -> Result<(), Box<dyn std::error::Error>> {
    let metrics = telemetry::start_metrics()?;
    let stop = shutdown::on_signal()?;
    let listen = config.http.listen;
    let listener =
        TcpListener::bind(listen).await.map_err(|error| format!("RESEND_API_LISTEN={listen}: {error}"))?;
    let traces = Traces::start("resend-api", &config.traces)?;
    service_manager::supervise(stop.clone());
    let served = api::serve(listener, config, metrics, stop.cancelled_owned()).await;
    traces.shutdown().await;
    Ok(served?)
}
