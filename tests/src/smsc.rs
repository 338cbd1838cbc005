//! An SMSC that we did not write: the npm package `smpp`, run by node. Commands to it and events from it are lines of
//! JSON.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// Longest a command or an event may take on a busy machine.
const WITHIN: Duration = Duration::from_secs(20);

/// A running SMSC; it ends on drop.
pub struct Smsc {
    _child: Child,
    orders: Option<ChildStdin>,
    /// Its events.
    seen: Vec<Value>,
    events: Lines<BufReader<ChildStdout>>,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

impl Smsc {
    /// Starts it on this port, 0 for any. `None`, with a line that says so, if there is no node or npm.
    pub async fn start(port: u16) -> Option<Self> {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/smsc"));
        if !folder.join("node_modules/smpp").exists() && !install(&folder).await {
            println!("NOT RUN: the rows of the smpp channel need node and npm, and the npm package smpp");
            return None;
        }
        let mut child = Command::new("node")
            .arg(folder.join("smsc.js"))
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .ok()?;
        let orders = child.stdin.take();
        let events = BufReader::new(child.stdout.take()?).lines();
        let mut smsc = Self { _child: child, orders, seen: Vec::new(), events, port };
        let port = smsc.saw("listening").await;
        smsc.port = port.as_u64().and_then(|port| u16::try_from(port).ok())?;
        Some(smsc)
    }

    /// Sends it a command and waits until it is carried out.
    pub async fn tell(&mut self, order: &Value) {
        let orders = self.orders.as_mut().expect("the peer was not told to end");
        orders.write_all(format!("{order}\n").as_bytes()).await.expect("the peer listens");
        self.saw("done").await;
    }

    /// The next event of this kind; earlier ones are skipped.
    pub async fn saw(&mut self, kind: &str) -> Value {
        let next = async {
            loop {
                let event = self.next().await.unwrap_or_else(|| panic!("the peer saw no {kind}"));
                if let Some(what) = event.get(kind) {
                    return what.clone();
                }
            }
        };
        // Limits all lines together: a session that is kept alive produces events without end.
        timeout(WITHIN, next).await.unwrap_or_else(|_| panic!("the peer saw no {kind} in time"))
    }

    /// All events of this kind until it carried out its last command.
    pub fn seen(&self, kind: &str) -> Vec<Value> {
        self.seen.iter().filter_map(|event| event.get(kind).cloned()).collect()
    }

    /// Ends it, and returns all its events of this kind.
    pub async fn all(&mut self, kind: &str) -> Vec<Value> {
        drop(self.orders.take());
        while self.next().await.is_some() {}
        self.seen(kind)
    }

    /// Its next line; `None` if it has ended.
    async fn next(&mut self) -> Option<Value> {
        let line =
            timeout(WITHIN, self.events.next_line()).await.expect("a line in time").expect("a line")?;
        let event: Value = serde_json::from_str(&line).expect("a line of JSON");
        self.seen.push(event.clone());
        Some(event)
    }
}

/// Several tests may do this at once, each in its own process: the folder appears complete, or not at all.
async fn install(folder: &std::path::Path) -> bool {
    let command = "set -e; t=$(mktemp -d); cp package.json package-lock.json \"$t\"; cd \"$t\"; \
                   npm ci --no-audit --no-fund --ignore-scripts --silent; cd - >/dev/null; \
                   mv -T \"$t/node_modules\" node_modules 2>/dev/null || test -d node_modules/smpp";
    let done = Command::new("bash").args(["-c", command]).current_dir(folder).status().await;
    done.is_ok_and(|status| status.success())
}
