//! Stands in for everything the resend service talks to, on one port.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use tests::sandbox::{Options, environment, serve};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};
use tracing_subscriber::EnvFilter;

/// Stands in for everything the resend service talks to: token introspection, the registry of persons and
/// approvals, the OTP service and an SMS gateway, with an inbox of sent messages and faults to inject.
#[derive(Parser)]
#[command(name = "resend-sandbox", version, after_help = offers())]
struct Arguments {
    /// Where to listen; port 0 takes a free one, named on standard output.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7070")]
    listen: String,
    /// Append every accepted message to this file, one JSON line each, before the gateway answers.
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Messages the inbox keeps in memory.
    #[arg(long, value_name = "N", default_value_t = Options::default().keep)]
    keep: usize,
    /// What to log to standard error, such as `debug`; otherwise as `RUST_LOG` says, otherwise warnings.
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// Print the effective settings and stop.
    #[arg(long)]
    check_config: bool,
}

fn offers() -> String {
    let environment = environment("http://127.0.0.1:7070").replace("RESEND_", "  RESEND_");
    format!(
        "Point the service at it with:\n{environment}\n\
         On its start page (GET /): tokens, scenarios with their expected outcome, faults, examples.\n\
         The inbox: GET /inbox in a browser, GET /inbox.json in a test."
    )
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let options = Options { ledger: arguments.ledger.clone(), keep: arguments.keep };
    if let Err(error) = options.check() {
        return failed(&error, 2);
    }
    if arguments.check_config {
        println!("{}", settings(&arguments));
        return ExitCode::SUCCESS;
    }
    match run(&arguments, options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error, 1),
    }
}

fn failed(error: &io::Error, code: u8) -> ExitCode {
    eprintln!("resend-sandbox: {error}");
    ExitCode::from(code)
}

fn settings(arguments: &Arguments) -> String {
    let ledger = arguments.ledger.as_ref().map_or_else(|| "none".into(), |path| path.display().to_string());
    format!("listen = {}\nledger = {ledger}\nkeep = {}", arguments.listen, arguments.keep)
}

#[tokio::main]
async fn run(arguments: &Arguments, options: Options) -> io::Result<()> {
    start_log(arguments.log.as_deref())?;
    // Before the line is printed: whoever read it may send a signal at once.
    let stopped = stop_signal()?;
    let listener = TcpListener::bind(&arguments.listen).await.map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on {}: {error}", arguments.listen))
    })?;
    let mut out = io::stdout();
    writeln!(out, "resend-sandbox listening on http://{}", listener.local_addr()?)?;
    out.flush()?;
    serve(listener, options, stopped).await
}

fn start_log(filter: Option<&str>) -> io::Result<()> {
    let filter = match filter {
        Some(filter) => EnvFilter::try_new(filter).map_err(io::Error::other)?,
        None => EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn")),
    };
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    Ok(())
}

fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate: Signal = signal(SignalKind::terminate())?;
    let mut interrupt: Signal = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
