//! Drives a session's connection past a wake-up that rusmppc 0.4.0 loses. Remove this once that is fixed there.
//!
//! Text for a bug report: `Connection::poll` polls its actions at most five times (`ACTIONS_POLL_LIMIT`), then its sink
//! at most five times (`SINK_POLL_LIMIT`, two to three commands: each takes one round to write and one to flush), and
//! then its stream. If the stream is pending, `poll` returns `Poll::Pending`, even if it left either of the first two
//! loops because of its limit. Nothing has registered the waker for the remaining work: the channel of actions was not
//! polled until it was pending, and `requests` is a plain queue. (The loop over the stream is correct: at its own limit
//! it calls `wake_by_ref`.) The rest is sent at the next wake-up for any other reason, usually the answer to what was
//! just written. If that answer was read within the same `poll`, because the peer is fast or this thread was delayed,
//! the next wake-up is the `enquire_link` timer: commands wait for up to `enquire_link_interval`, past their response
//! time-out, and are then sent although their callers have given up on them.
//!
//! To reproduce: a peer whose answer can be read as soon as a command was written, ten concurrent `submit_sm`, and a
//! response time-out of 500 ms; some of them time out, and the peer sees them after 30 s. To fix: call `wake_by_ref`
//! whenever one of the two loops ends at its limit.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Drives the connection until it ends. At each wake-up it is polled often enough for a full window, at two commands
/// per poll, with some to spare; a poll without work costs next to nothing.
pub(super) async fn driven(connection: impl Future<Output = ()>, window: usize) {
    let polls = window.max(16);
    let mut connection = pin!(connection);
    poll_fn(|context| {
        for _ in 0..polls {
            if connection.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Waker};
    use std::time::Duration;

    use futures_util::future::join_all;
    use rusmpp::pdus::SubmitSm;
    use rusmppc::ConnectionBuilder;
    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
    use tokio::time::timeout;

    use super::*;

    /// Submits without an answer at a time.
    const WINDOW: usize = 10;

    /// An SMSC whose answer is there as soon as something was written.
    #[derive(Default)]
    struct Instant {
        written: Vec<u8>,
        answers: VecDeque<u8>,
        reader: Option<Waker>,
    }

    impl Instant {
        fn answer(&mut self) {
            while let Some(length) = self.written.first_chunk().map(|length| u32::from_be_bytes(*length)) {
                let length = usize::try_from(length).unwrap();
                if self.written.len() < length {
                    return;
                }
                let command: Vec<u8> = self.written.drain(..length).collect();
                // Length, submit_sm_resp, no error, the same number, message id "m".
                self.answers.extend([0, 0, 0, 18, 0x80, 0, 0, 4, 0, 0, 0, 0]);
                self.answers.extend(&command[12..16]);
                self.answers.extend([b'm', 0]);
                self.reader.take().into_iter().for_each(Waker::wake);
            }
        }
    }

    impl AsyncRead for Instant {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if self.answers.is_empty() {
                self.reader = Some(context.waker().clone());
                return Poll::Pending;
            }
            let ready = self.answers.len().min(buffer.remaining());
            self.answers.drain(..ready).for_each(|byte| buffer.put_slice(&[byte]));
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Instant {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.written.extend(bytes);
            self.answer();
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn nothing_is_left_lying_where_answers_come_at_once() {
        let builder = ConnectionBuilder::new().response_timeout(Duration::from_millis(500));
        let (client, _events, connection) = builder.no_spawn().connected(Instant::default());
        tokio::spawn(driven(connection, WINDOW));
        for round in 0..3 {
            let submits = (0..WINDOW).map(async |_| {
                assert!(client.is_active());
                client.submit_sm(SubmitSm::default()).await
            });
            // The keep-alive, which would find them, is 30 s away.
            let answers = timeout(Duration::from_secs(5), join_all(submits)).await.expect("no wait");
            assert!(answers.iter().all(Result::is_ok), "round {round}: {answers:?}");
        }
    }
}
