//! The service on one machine, for people who see it for the first time.

mod checks;
mod profile;
mod stack;
mod walk;

use crate::process::tie_children;
pub use profile::Profile;
use shared::runtime::{shutdown, tls};
use stack::LocalStack;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// An error, described for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The machine did not provide what was needed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A call got no answer.
    #[error("no answer: {0}")]
    Http(#[from] reqwest::Error),
    /// A program refused its settings.
    #[error("{0}")]
    Settings(String),
    /// An answer that violates the contract.
    #[error("{step}: {what}")]
    Differs {
        /// The step.
        step: &'static str,
        /// The expectation, and the answer.
        what: String,
    },
}

/// Starts everything under a profile and walks through the main job; then, unless `once`, stays until Ctrl-C.
///
/// # Errors
///
/// A machine that does not give what is needed, an answer that does not come or differs from the contract.
pub async fn run(once: bool, profile: Profile, settings: Vec<(String, String)>) -> Result<(), LocalError> {
    tls::install_crypto_provider();
    let stop = shutdown::on_signal()?;
    stop_on_hang_up(stop.clone())?;
    tie_children();
    let mut stack = LocalStack::start(profile, settings).await?;
    let walked = tokio::select! {
        walked = walk::of(&stack) => walked,
        () = stop.cancelled() => Ok(()),
    };
    if walked.is_ok() && !once && !stop.is_cancelled() {
        stack.print_addresses();
        stop.cancelled().await;
    }
    println!("\nStopping.");
    let stopped = stack.stop().await;
    walked.and(stopped)
}

/// A terminal that is closed stops everything, as Ctrl-C does.
fn stop_on_hang_up(stop: CancellationToken) -> std::io::Result<()> {
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        hang_up.recv().await;
        stop.cancel();
    });
    Ok(())
}
