//! A sandbox inside the process of a test.

use std::io;

use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{server::serve, state::Options};

/// A sandbox that runs until this is dropped or stopped.
pub struct Running {
    /// Where it listens, such as `http://127.0.0.1:41234`.
    pub url: String,
    stop: DropGuard,
    served: JoinHandle<io::Result<()>>,
}

/// Starts a sandbox on a free port of the loopback interface.
pub async fn start(options: Options) -> io::Result<Running> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let stop = CancellationToken::new();
    let served = tokio::spawn(serve(listener, options, stop.clone().cancelled_owned()));
    Ok(Running { url, stop: stop.drop_guard(), served })
}

impl Running {
    /// Stops it and waits until all its connections are closed.
    pub async fn stop(self) -> io::Result<()> {
        drop(self.stop);
        self.served.await.map_err(io::Error::other)?
    }
}
