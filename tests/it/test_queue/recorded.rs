//! A call of a script as the service made it, recorded by Redis' own `MONITOR`.

use tests::redis_server::RedisServer;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Said once nothing more is to be recorded.
const END: [&str; 2] = ["ECHO", "recorded"];

/// Does something. Returns what it came to, and the last call of a script that was made meanwhile, word by word: to be
/// made once more, as after an answer that was lost.
pub(crate) async fn recorded<T>(server: &RedisServer, done: impl Future<Output = T>) -> (T, Vec<String>) {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    stream.write_all(b"MONITOR\r\n").await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("+OK"));
    let done = done.await;
    let _: String = server.command(&END).await;
    let mut call = Vec::new();
    loop {
        let words = words(&lines.next_line().await.unwrap().unwrap());
        if words == END {
            return (done, call);
        }
        if words.first().is_some_and(|command| command.starts_with("EVAL")) {
            call = words;
        }
    }
}

/// The words of a line such as `+1.5 [0 127.0.0.1:5] "ZREM" "key"`.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut rest) = (Vec::new(), line.split_once("] ").map_or("", |(_, said)| said));
    while let Some(quoted) = rest.trim_start().strip_prefix('"') {
        let mut word = String::new();
        let mut letters = quoted.chars();
        while let Some(letter) = letters.next().filter(|letter| *letter != '"') {
            // Redis writes a backslash before a quote and before itself; what it writes as `\x` no call here holds.
            word.push(if letter == '\\' { letters.next().unwrap() } else { letter });
        }
        words.push(word);
        rest = letters.as_str();
    }
    words
}
