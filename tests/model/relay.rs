//! A relay between the queue's connections and Redis: it can start the queue's own commands from any state and read the
//! state after them, all in one round trip; it can remove a fence from a script; and it answers `WAIT` like a replica
//! that has everything.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::{Script, Value, parse_redis_value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// A change to a script's text: the text to find, and its replacement.
pub(crate) type Edit = (&'static str, &'static str);

/// Commands that read or change the explored state; all others set up connections.
const STEPS: [&str; 7] = ["EVALSHA", "XREADGROUP", "XPENDING", "XRANGE", "HMGET", "SET", "DEL"];

/// The relay of one server.
#[derive(Clone)]
pub(crate) struct Relay(Arc<Mutex<RelayState>>);

#[derive(Default)]
struct RelayState {
    /// Sent before the next step, with the number of its replies.
    before: Option<(Vec<u8>, usize)>,
    /// Sent after each step: the command that reads the state.
    after: Vec<u8>,
    is_armed: bool,
    /// Its latest reply.
    reply: Option<Value>,
    edits: Vec<Edit>,
    /// Changed scripts: from the hash of the shipped text to that of the text in Redis.
    edited: HashMap<Vec<u8>, String>,
    /// Loads changed texts before the shipped ones, because the queue waits for the latters' hashes.
    loads: Vec<u8>,
    /// The edits that matched a script.
    found: HashSet<&'static str>,
}

impl Relay {
    /// Listens on this socket for the queue's connections.
    pub(crate) fn start(listen: &Path, server: PathBuf, after: Vec<u8>, edits: Vec<Edit>) -> Self {
        let listener = UnixListener::bind(listen).expect("a socket of our own");
        let relay = Self(Arc::new(Mutex::new(RelayState { after, edits, ..RelayState::default() })));
        let state = relay.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(upstream) = UnixStream::connect(&server).await else { return };
                tokio::spawn(state.clone().pass_on(client, upstream));
            }
        });
        relay
    }

    /// Makes the next step start from the state that `before` restores.
    pub(crate) fn arm(&self, before: Vec<u8>, answers: usize) {
        let mut state = self.state();
        (state.before, state.is_armed, state.reply) = (Some((before, answers)), true, None);
    }

    /// The state after the steps since then; `None` if there was no step.
    pub(crate) fn disarm(&self) -> Option<Value> {
        let mut state = self.state();
        state.is_armed = false;
        state.reply.take()
    }

    /// How many edits matched the scripts loaded so far.
    pub(crate) fn edited(&self) -> usize {
        self.state().found.len()
    }

    fn state(&self) -> MutexGuard<'_, RelayState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pass_on(self, mut client: UnixStream, mut server: UnixStream) {
        let (mut asked, mut answered) = (Vec::new(), Vec::new());
        while client.read_buf(&mut asked).await.is_ok_and(|read| read > 0) {
            let chunk = self.state().take(&mut asked);
            if chunk.own == 0 {
                continue;
            }
            if server.write_all(&chunk.bytes).await.is_err() {
                return;
            }
            let mut ends = Vec::new();
            while ends.len() < chunk.before + chunk.own + chunk.after {
                match reply_end(&answered, ends.last().copied().unwrap_or(0)) {
                    Some(end) => ends.push(end),
                    None => {
                        if !server.read_buf(&mut answered).await.is_ok_and(|read| read > 0) {
                            return;
                        }
                    }
                }
            }
            let from = chunk.before.checked_sub(1).map_or(0, |last| ends[last]);
            let to = ends[chunk.before + chunk.own - 1];
            if chunk.after > 0 {
                let reply = parse_redis_value(&answered[to..]).expect("an answer of Redis");
                self.state().reply = Some(reply);
            }
            if client.write_all(&answered[from..to]).await.is_err() {
                return;
            }
            answered.clear();
        }
    }
}

/// Commands that are sent to Redis together.
struct Chunk {
    bytes: Vec<u8>,
    before: usize,
    own: usize,
    after: usize,
}

impl RelayState {
    /// Takes all complete commands, in the form in which they are sent to Redis.
    fn take(&mut self, asked: &mut Vec<u8>) -> Chunk {
        let mut chunk = Chunk { bytes: Vec::new(), before: 0, own: 0, after: 0 };
        let (mut own, mut taken, mut is_step) = (Vec::new(), 0, false);
        while let Some(words) = words(asked, taken) {
            let end = words.last().map_or(taken, |word| word.end + 2);
            is_step |= words.first().is_some_and(|name| is_step_command(&asked[name.clone()]));
            own.extend(self.changed(asked, &words).unwrap_or_else(|| asked[taken..end].to_vec()));
            (taken, chunk.own) = (end, chunk.own + 1);
        }
        asked.drain(..taken);
        let is_wrapped = is_step && self.is_armed && chunk.own > 0;
        if is_wrapped && let Some((before, answers)) = self.before.take() {
            (chunk.bytes, chunk.before) = (before, answers);
        }
        if !self.loads.is_empty() {
            chunk.bytes.append(&mut self.loads);
            chunk.before += 1;
        }
        chunk.bytes.extend(own);
        if is_wrapped {
            chunk.bytes.extend(&self.after);
            chunk.after = 1;
        }
        chunk
    }

    /// The command to send to Redis instead, if any.
    fn changed(&mut self, asked: &[u8], words: &[Range<usize>]) -> Option<Vec<u8>> {
        let word = |index: usize| words.get(index).map_or(&[][..], |word| &asked[word.clone()]);
        let with = |index: usize, text: &[u8]| {
            let mut command = redis::Cmd::new();
            (0..words.len()).for_each(|at| _ = command.arg(if at == index { text } else { word(at) }));
            command.get_packed_command()
        };
        match word(0) {
            b"WAIT" => Some(redis::cmd("EVAL").arg("return 1").arg(0).get_packed_command()),
            b"EVALSHA" => self.edited.get(word(1)).map(|hash| with(1, hash.as_bytes())),
            b"SCRIPT" if word(1) == b"LOAD" => {
                let text = String::from_utf8_lossy(word(2)).into_owned();
                let edited = self.edits.iter().fold(text.clone(), |text, (old, new)| text.replace(old, new));
                if edited == text {
                    return None;
                }
                let found = self.edits.iter().map(|(old, _)| *old).filter(|old| text.contains(old));
                self.found.extend(found);
                let hash = |text: &str| Script::new(text).get_hash().to_owned();
                self.edited.insert(hash(&text).into_bytes(), hash(&edited));
                self.loads.extend(with(2, edited.as_bytes()));
                None
            }
            _ => None,
        }
    }
}

fn is_step_command(name: &[u8]) -> bool {
    STEPS.iter().any(|step| step.as_bytes() == name)
}

/// The words of the command that begins here; `None` if it is incomplete.
fn words(bytes: &[u8], from: usize) -> Option<Vec<Range<usize>>> {
    let (count, mut at) = head(bytes, from)?;
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let (length, start) = head(bytes, at)?;
        at = start + length + 2;
        (at <= bytes.len()).then(|| words.push(start..start + length))?;
    }
    Some(words)
}

/// The number in a line such as `*3`, and the start of the next line.
fn head(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let line = bytes.get(from..)?;
    let end = line.windows(2).position(|pair| pair == b"\r\n")?;
    let number = std::str::from_utf8(&line[1..end]).ok()?.parse().unwrap_or(0);
    Some((number, from + end + 2))
}

/// The end of the reply that begins here; `None` if it is incomplete.
fn reply_end(bytes: &[u8], from: usize) -> Option<usize> {
    let kind = *bytes.get(from)?;
    let (number, next) = head(bytes, from)?;
    let is_nil = bytes[from + 1] == b'-' && matches!(kind, b'$' | b'*');
    match kind {
        _ if is_nil => Some(next),
        b'$' => (next + number + 2 <= bytes.len()).then_some(next + number + 2),
        b'*' | b'~' | b'>' => (0..number).try_fold(next, |at, _| reply_end(bytes, at)),
        b'%' => (0..2 * number).try_fold(next, |at, _| reply_end(bytes, at)),
        _ => Some(next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_ends_where_its_last_part_does() {
        let reply = b"*3\r\n$2\r\nok\r\n*1\r\n:7\r\n$-1\r\n+PONG\r\n";
        let first = reply_end(reply, 0).unwrap();
        assert_eq!(&reply[first..], b"+PONG\r\n");
        assert_eq!(reply_end(reply, first), Some(reply.len()));
        assert!((0..first).all(|cut| reply_end(&reply[..cut], 0).is_none()));
    }

    #[test]
    fn a_fence_is_taken_out_of_the_text_and_of_its_hash() {
        let mut state = RelayState { edits: vec![("return 1", "return 2")], ..RelayState::default() };
        let mut load = redis::cmd("SCRIPT").arg("LOAD").arg("return 1").get_packed_command();
        let chunk = state.take(&mut load);
        assert!(String::from_utf8_lossy(&chunk.bytes).contains("return 2"));
        let hash = |text| Script::new(text).get_hash().to_owned();
        let mut call = redis::cmd("EVALSHA").arg(hash("return 1")).arg(0).get_packed_command();
        assert!(String::from_utf8_lossy(&state.take(&mut call).bytes).contains(&hash("return 2")));
        assert_eq!((state.found.len(), call.len()), (1, 0));
    }
}
