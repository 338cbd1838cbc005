//! Accepting connections.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::time::sleep;

use super::HttpService;
use super::connection::Connections;

/// Connections that the system queues until they are accepted. A burst of reconnecting clients is larger than the usual
/// 128.
const BACKLOG: u32 = 4_096;

/// Wait after the system failed to accept a connection, usually for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Binds an address and listens.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Lets a restarted program bind its port although earlier connections are still in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

pub(super) async fn accept_until<S: HttpService>(
    listener: &TcpListener,
    connections: &Connections<S>,
    end: impl Future<Output = ()>,
) {
    let mut end = pin!(end);
    loop {
        tokio::select! {
            biased;
            () = &mut end => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => connections.accept(stream.into_std(), peer.ip()),
                Err(error) if is_the_peers(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

/// Accepts the connections that the system has queued already: closing the socket would reset them.
pub(super) fn accept_pending<S: HttpService>(
    listener: TcpListener,
    connections: &Connections<S>,
) -> io::Result<()> {
    let listener = listener.into_std()?;
    while let Ok((stream, peer)) = listener.accept() {
        connections.accept(stream.set_nonblocking(true).map(|()| stream), peer.ip());
    }
    Ok(())
}

/// Whether the peer left before its connection was accepted.
fn is_the_peers(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}
