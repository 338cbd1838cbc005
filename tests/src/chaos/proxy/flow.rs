//! What happens to the bytes of one direction.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;

/// How bytes are passed on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Flow {
    /// Unchanged.
    Pass,
    /// Each chunk this much later.
    Delay(Duration),
    /// This many bytes at a time, at this interval.
    Pace(usize, Duration),
    /// Not at all, on a connection that stays open: a half-open socket.
    Swallow,
    /// One byte at a time, at this interval.
    Drip(Duration),
    /// Up to this many bytes of a connection, which is then closed.
    CutAfter(u64),
    /// All but this share of chunks, 0 to 1; a lost chunk closes its connection. The first chunk of a connection is
    /// always passed on: it is the greeting, not an answer that a caller waits for.
    Lose(f64),
}

impl Flow {
    /// Most bytes to pass on at once.
    pub(super) fn most_at_once(self) -> usize {
        if let Self::Pace(bytes, _) = self { bytes } else { usize::MAX }
    }

    /// Passes on a chunk that starts at this byte of the connection; `false`: close the connection.
    pub(super) async fn carry(self, chunk: &[u8], begins_at: u64, to: &mut OwnedWriteHalf) -> bool {
        match self {
            Self::Pass => to.write_all(chunk).await.is_ok(),
            Self::Delay(time) | Self::Pace(_, time) => {
                tokio::time::sleep(time).await;
                to.write_all(chunk).await.is_ok()
            }
            Self::Swallow => true,
            Self::Drip(pause) => drip(chunk, pause, to).await,
            Self::CutAfter(bytes) => {
                let left = usize::try_from(bytes.saturating_sub(begins_at)).unwrap_or(usize::MAX);
                to.write_all(&chunk[..left.min(chunk.len())]).await.is_ok() && left > chunk.len()
            }
            Self::Lose(share) => {
                (begins_at == 0 || rand::random::<f64>() >= share) && to.write_all(chunk).await.is_ok()
            }
        }
    }
}

async fn drip(chunk: &[u8], pause: Duration, to: &mut OwnedWriteHalf) -> bool {
    for byte in chunk {
        tokio::time::sleep(pause).await;
        if to.write_all(&[*byte]).await.is_err() {
            return false;
        }
    }
    true
}
