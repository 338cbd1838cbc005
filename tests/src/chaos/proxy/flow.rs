//! What happens to the bytes of one direction.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;

/// One way to carry bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Flow {
    /// As they come.
    Pass,
    /// Each chunk so much later.
    Delay(Duration),
    /// So many bytes at a time, so far apart.
    Pace(usize, Duration),
    /// Not at all, on a connection that stays open: the half-open socket.
    Swallow,
    /// One byte at a time, so far apart.
    Drip(Duration),
    /// Up to so many bytes of a connection; there it is cut.
    CutAfter(u64),
    /// All but this share of chunks, 0 to 1; a chunk that is lost cuts its connection. The first of a connection is its
    /// greeting, not an answer anybody waits for, and passes.
    Lose(f64),
}

impl Flow {
    /// Most bytes to be carried at once.
    pub(super) fn most_at_once(self) -> usize {
        if let Self::Pace(bytes, _) = self { bytes } else { usize::MAX }
    }

    /// Carries a chunk that begins at this byte of the connection; `false`: the connection is to be cut.
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
