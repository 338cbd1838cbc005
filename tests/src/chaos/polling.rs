//! Clients that poll jobs at a steady rate over persistent connections. HTTP is written by hand: at thousands of polls
//! a second a full client would take CPU from the server under test.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::MissedTickBehavior;

/// The number of connections.
const CONNECTIONS: usize = 250;

/// Longest a poll may take before its connection is given up.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The results of the polls.
#[derive(Debug, Default)]
pub struct Polls {
    /// Answered 200.
    pub good: usize,
    /// Any other answer, or none.
    pub other: usize,
    /// How long each connection polled; they start one after the other.
    pub took: Duration,
}

impl Polls {
    /// Successful polls a second.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn rate(&self) -> usize {
        (self.good as f64 / self.took.as_secs_f64()) as usize
    }
}

/// Polls these jobs in turn, at this rate, for this time, at the API with this base URL.
pub async fn poll(url: &str, jobs: &[String], per_second: usize, length: Duration) -> Polls {
    let address = url.strip_prefix("http://").expect("a plain URL");
    let requests: Vec<Vec<u8>> = jobs.iter().map(|href| request(address, href)).collect();
    #[allow(clippy::cast_precision_loss)]
    let every = Duration::from_secs_f64(CONNECTIONS as f64 / per_second as f64);
    let pollers = (0..CONNECTIONS).map(|number| {
        let (address, requests) = (address.to_owned(), requests.clone());
        tokio::spawn(async move { one(&address, &requests, number, every, length).await })
    });
    let mut polls = Polls::default();
    for (good, other) in join_all(pollers).await.into_iter().flatten() {
        polls.good += good;
        polls.other += other;
    }
    polls.took = length;
    polls
}

fn request(address: &str, href: &str) -> Vec<u8> {
    format!("GET {href} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer mis-a-token\r\n\r\n")
        .into_bytes()
}

/// One connection: its successful polls, and the others.
async fn one(
    address: &str,
    requests: &[Vec<u8>],
    number: usize,
    every: Duration,
    length: Duration,
) -> (usize, usize) {
    let Ok(mut stream) = TcpStream::connect(address).await else { return (0, 1) };
    let _ = stream.set_nodelay(true);
    #[allow(clippy::cast_possible_truncation)]
    tokio::time::sleep(every * number as u32 / CONNECTIONS as u32).await;
    let until = Instant::now() + length;
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut good, mut other, mut buffer) = (0, 0, Vec::with_capacity(4_096));
    for request in requests.iter().cycle().skip(number) {
        tick.tick().await;
        if Instant::now() >= until {
            break;
        }
        let answer = tokio::time::timeout(ANSWER_WITHIN, ask(&mut stream, request, &mut buffer)).await;
        match answer.ok().flatten() {
            Some(true) => good += 1,
            Some(false) => other += 1,
            None => return (good, other + 1),
        }
    }
    (good, other)
}

/// Whether the answer is a 200; `None` if there is none.
async fn ask(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> Option<bool> {
    stream.write_all(request).await.ok()?;
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
        if let Some(whole) = whole_length(buffer)
            && buffer.len() >= whole
        {
            return Some(buffer.starts_with(b"HTTP/1.1 200"));
        }
    }
}

/// The length of the answer, once its head has arrived.
fn whole_length(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).ok()?;
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    Some(head + length.parse::<usize>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
        assert_eq!(whole_length(head), Some(head.len() + 2));
        assert_eq!(whole_length(&head[..head.len() - 1]), None);
    }
}
