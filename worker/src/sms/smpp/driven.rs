//! Drives a session's connection past a wake-up that rusmppc 0.4 loses.
//!
//! A turn of its connection takes up to five of its clients' actions and two or three commands, then reads what came,
//! and rests until something more comes: also where actions and commands are left over, of which nothing wakes it. As
//! a rule the answers to what was just sent do. Where they came within the same turn, because the machine was busy and
//! this thread had to wait, the rest lies until the keep-alive; then it is sent, after its callers gave up on it.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Turns at each wake-up: at two commands and five actions each, enough for a full window and for answers to receipts. One
/// that finds nothing to do costs next to nothing.
const TURNS: usize = 16;

/// The connection, until it ends.
pub(super) async fn driven(connection: impl Future<Output = ()>) {
    let mut connection = pin!(connection);
    poll_fn(|context| {
        for _ in 0..TURNS {
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
    use crate::sms::smpp::WINDOW;

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
        tokio::spawn(driven(connection));
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
