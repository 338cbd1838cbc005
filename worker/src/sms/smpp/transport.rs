//! Sits between the connection to the SMSC and the library: inspects each PDU of the SMSC, and passes the library's own
//! unchanged. It holds one PDU per direction at a time, so a peer that does not read blocks it, and a write that takes
//! too long ends the session.

use std::io;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::io::{AsyncWrite, AsyncWriteExt as _, DuplexStream, duplex, split};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::codec::FramedRead;

use super::frame::{Frame, Frames, Pdu};
use super::incoming::{self, Action};

/// Octets in transit between the two.
const BUFFER: usize = 64 * 1024;

/// Starts the task that inspects each PDU, and returns the stream that the library gets instead of the connection. The
/// task ends when either side does. Everything, acknowledgements included, must be written within `limit`.
pub(super) fn guarded(connection: TcpStream, limit: Duration) -> DuplexStream {
    let (ours, librarys) = duplex(BUFFER);
    tokio::spawn(async move {
        if let Err(error) = pump(connection, ours, limit).await {
            tracing::debug!(%error, "the connection to the SMSC ended");
        }
    });
    librarys
}

async fn pump(mut connection: TcpStream, library: DuplexStream, limit: Duration) -> Result<(), io::Error> {
    let (from_smsc, mut to_smsc) = connection.split();
    let (from_library, mut to_library) = split(library);
    let mut from_smsc = FramedRead::new(from_smsc, Frames::default());
    let mut from_library = FramedRead::new(from_library, Frames::default());
    loop {
        tokio::select! {
            frame = from_smsc.next() => match incoming::take(frame.transpose()?.ok_or(io::ErrorKind::UnexpectedEof)?) {
                Action::HandOn(pdu) => write(&mut to_library, &pdu, limit).await?,
                Action::Answer(pdu) => write(&mut to_smsc, &pdu, limit).await?,
                Action::Ignore => {}
            },
            frame = from_library.next() => match frame.transpose()? {
                Some(Frame::Pdu(pdu)) => write(&mut to_smsc, &pdu, limit).await?,
                Some(Frame::BadLength { .. }) => {}
                None => return to_smsc.shutdown().await,
            },
        }
    }
}

async fn write(to: &mut (impl AsyncWrite + Unpin), pdu: &Pdu, limit: Duration) -> Result<(), io::Error> {
    timeout(limit, to.write_all(&pdu.encode())).await?
}
