//! The work of each script, observed with Redis' own `MONITOR`: the calls of a script follow it directly.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// A running monitor; dropping it ends it.
pub struct ScriptWork {
    most: Arc<Mutex<MaxWork>>,
    watching: JoinHandle<()>,
}

/// The most work of one script so far.
#[derive(Debug, Clone, Default)]
pub struct MaxWork {
    /// How many scripts ran.
    pub scripts: usize,
    /// Most calls of one command in one script: each id that a script touches costs at least one.
    pub calls: usize,
    /// That command.
    pub command: String,
    /// Calls of the current script, by command.
    running: HashMap<String, usize>,
}

impl ScriptWork {
    /// Monitors the server on this port.
    pub async fn of(port: u16) -> std::io::Result<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(b"MONITOR\r\n").await?;
        let (most, mut lines) = (Arc::<Mutex<MaxWork>>::default(), BufReader::new(stream).lines());
        let into = Arc::clone(&most);
        let watching = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                into.lock().unwrap_or_else(PoisonError::into_inner).note(&line);
            }
        });
        Ok(Self { most, watching })
    }

    /// The maximum so far.
    pub fn most(&self) -> MaxWork {
        self.most.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for ScriptWork {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl MaxWork {
    /// A line such as `1.5 [0 lua] "ZREM" "key" …`.
    fn note(&mut self, line: &str) {
        let Some((who, said)) = line.split_once("] \"") else { return };
        let command = said.split('"').next().unwrap_or_default().to_ascii_uppercase();
        if !who.ends_with("[0 lua") {
            self.running.clear();
            self.scripts += usize::from(command.starts_with("EVAL"));
            return;
        }
        let calls = self.running.entry(command.clone()).or_default();
        *calls += 1;
        if *calls > self.calls {
            (self.calls, self.command) = (*calls, command);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_script() {
        let mut most = MaxWork::default();
        for line in [
            "OK",
            r#"1.5 [0 127.0.0.1:5] "EVALSHA" "abc" "0""#,
            r#"1.5 [0 lua] "ZREM" "k" "] \"a""#,
            r#"1.5 [0 lua] "XADD" "k""#,
            r#"1.5 [0 lua] "ZREM" "k""#,
            r#"1.5 [0 127.0.0.1:5] "EVALSHA" "abc" "0""#,
            r#"1.5 [0 lua] "ZREM" "k""#,
            r#"1.5 [0 127.0.0.1:5] "GET" "k""#,
        ] {
            most.note(line);
        }
        assert_eq!((most.scripts, most.calls, most.command.as_str()), (2, 2, "ZREM"));
    }
}
