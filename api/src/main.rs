//! `resend-api`: the HTTP API as a program.

use std::net::SocketAddr;
use std::process::ExitCode;

use api::Listeners;
use api::config::Config;
use shared::runtime::cli::Program;
use shared::runtime::{crash, http, service_manager, shutdown, tls};
use shared::settings::table;
use shared::telemetry;
use shared::telemetry::Traces;
use tokio::net::TcpListener;

const NAME: &str = "resend-api";
const ABOUT: &str =
    "Takes requests to resend the SMS code of an approval, answers with a job and serves its result";

// A runtime for everything but requests: signals, accepting, subscriptions. Requests have threads of their own.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let program = Program { name: NAME, about: ABOUT, settings: table::API };
    let configured = match program.start(Config::from_settings) {
        Ok(configured) => configured,
        Err(exit) => return exit,
    };
    let config = &configured.config;
    let _logging = telemetry::start_logging(NAME, &config.log);
    crash::contain();
    tls::install_crypto_provider();
    configured.log_warnings();
    match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "cannot start");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: &Config) -> Result<(), Box<dyn std::error::Error>> {
    let metrics = telemetry::start_metrics(NAME)?;
    let stop = shutdown::on_signal()?;
    let listeners = Listeners {
        clients: bound("RESEND_API_LISTEN", config.http.listen)?,
        admin: config
            .http
            .admin_listen
            .map(|address| bound("RESEND_API_ADMIN_LISTEN", address))
            .transpose()?,
    };
    let traces = Traces::start(NAME, &config.traces)?;
    service_manager::supervise(stop.clone());
    let served = api::serve(listeners, config, metrics, stop.cancelled_owned()).await;
    traces.shutdown().await;
    Ok(served?)
}

fn bound(setting: &str, address: SocketAddr) -> Result<TcpListener, String> {
    http::listen(address).map_err(|error| format!("{setting}={address}: {error}"))
}
