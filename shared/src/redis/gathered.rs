//! Group commit: calls of one script gathered. What is asked while a call is under way goes with the next one, so that
//! a busy process pays for a round trip, and Redis for the start of a script, once for many. Nobody waits for company:
//! an idle process makes a call of one at once.
//!
//! A script that can be called so takes and answers lists:
//!
//! | | |
//! |---|---|
//! | `KEYS` | those all items share, then those of each item |
//! | `ARGV` | the number of items, arguments all share, then those of each item |
//! | result | a row for each item, in the same order |

use std::collections::VecDeque;
use std::fmt::{Display, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::redis::{Cmd, ErrorKind, FromRedisValue, ParsingError, Script, Value, from_redis_value};
use tokio::sync::oneshot;

use super::{Redis, RedisError};

/// Most items of one call: a script that works on them holds up everybody else's commands for a millisecond or so.
const AT_ONCE: usize = 64;

/// Calls under way at once, so that Redis has work while an answer is on its way.
const UNDER_WAY: usize = 2;

/// Keys and arguments, one after the other in one piece of memory.
#[derive(Debug, Default)]
pub struct Item {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    keys: usize,
}

/// A script whose calls are gathered; clones share the line of those who wait.
#[derive(Clone)]
pub struct Gathered {
    inner: Arc<Inner>,
}

struct Inner {
    redis: Redis,
    script: Evaluated,
    shared: Item,
    is_confirmed: bool,
    is_alone: bool,
    line: Mutex<Line>,
}

/// A script and its hash.
struct Evaluated {
    text: &'static str,
    hash: String,
}

/// Who waits for a call.
#[derive(Default)]
struct Line {
    under_way: usize,
    waiting: VecDeque<Asked>,
}

struct Asked {
    item: Item,
    tell: oneshot::Sender<Result<Value, RedisError>>,
}

/// One call of a script for several items.
pub(super) struct Evaluation<'a> {
    script: &'a Evaluated,
    shared: &'a Item,
    items: &'a [Asked],
}

impl Item {
    /// Nothing yet; keys come before arguments.
    pub fn new() -> Self {
        // Most have two keys and half a dozen arguments, most of them ids.
        Self { bytes: Vec::with_capacity(512), ends: Vec::with_capacity(16), keys: 0 }
    }

    /// Adds a key.
    #[must_use]
    pub fn key(mut self, key: impl Display) -> Self {
        debug_assert_eq!(self.keys, self.ends.len(), "keys come before arguments");
        self.keys += 1;
        self.arg(key)
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Display) -> Self {
        let mut text = Text(&mut self.bytes);
        // Memory takes whatever is written.
        let _ = write!(text, "{argument}");
        self.ends.push(self.bytes.len());
        self
    }

    fn words(&self, from: usize, to: usize) -> impl Iterator<Item = &[u8]> {
        (from..to).map(|word| {
            let start = word.checked_sub(1).map_or(0, |before| self.ends[before]);
            &self.bytes[start..self.ends[word]]
        })
    }

    fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.words(0, self.keys)
    }

    fn arguments(&self) -> impl Iterator<Item = &[u8]> {
        self.words(self.keys, self.ends.len())
    }
}

/// Text written into bytes.
struct Text<'a>(&'a mut Vec<u8>);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl Gathered {
    /// A script whose items all live on one server: their keys share a hash tag with those in `shared`.
    pub fn new(redis: &Redis, text: &'static str, shared: Item) -> Self {
        let script = Evaluated { text, hash: Script::new(text).get_hash().to_owned() };
        let (redis, line) = (redis.clone(), Mutex::default());
        Self { inner: Arc::new(Inner { redis, script, shared, is_confirmed: false, is_alone: false, line }) }
    }

    /// One whose writes must outlive a fail-over, as in [`Redis::script_confirmed`].
    #[must_use]
    pub fn confirmed(self) -> Self {
        self.with(|inner| inner.is_confirmed = true)
    }

    /// One each of whose items lives on a hash tag of its own: in a cluster each is a call of its own.
    #[must_use]
    pub fn on_tags_of_their_own(self) -> Self {
        self.with(|inner| inner.is_alone = inner.redis.is_cluster())
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        let inner = Arc::get_mut(&mut self.inner);
        debug_assert!(inner.is_some(), "said while it is made, before it is cloned");
        inner.map(change);
        self
    }

    /// Has the script run for this item; answers its row. Who stops waiting takes nothing back.
    pub async fn ask<T: FromRedisValue>(&self, item: Item) -> Result<T, RedisError> {
        let (tell, told) = oneshot::channel();
        if self.inner.join(Asked { item, tell }) {
            // A task of its own: whoever asked first may go away before the others have their answer.
            tokio::spawn(self.inner.clone().run());
        }
        let row = told.await.unwrap_or_else(|_| Err(RedisError::given_up()))?;
        from_redis_value(row).map_err(|error| RedisError::from(::redis::RedisError::from(error)))
    }
}

/// A task that calls. Where it is cut off, by a panic or the end of its runtime, the line goes on without it.
struct Caller<'a> {
    inner: &'a Inner,
    is_done: bool,
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            let mut line = self.inner.line();
            line.under_way -= 1;
            line.waiting.clear();
        }
    }
}

impl Inner {
    /// Takes a place in the line; whether a task is to be started that calls.
    fn join(&self, asked: Asked) -> bool {
        let mut line = self.line();
        line.waiting.push_back(asked);
        let has_room = self.is_alone || line.under_way < UNDER_WAY;
        line.under_way += usize::from(has_room);
        has_room
    }

    async fn run(self: Arc<Self>) {
        let mut caller = Caller { inner: &self, is_done: false };
        loop {
            if self.is_busy() {
                // Whoever is ready to ask, too, comes first: what one turn of the runtime brings goes in one call.
                tokio::task::yield_now().await;
            }
            let Some(batch) = self.next() else {
                caller.is_done = true;
                return;
            };
            let answers = self.call(&batch).await;
            let mut errors = answers.iter().filter_map(|answer| answer.as_ref().err());
            let slow = errors.find(|error| error.took_its_time()).cloned();
            for (asked, answer) in batch.into_iter().zip(answers) {
                // Whoever left does not want to know.
                let _ = asked.tell.send(answer);
            }
            if let Some(error) = slow.filter(|_| !self.is_alone) {
                self.give_up_waiting(&error);
            }
        }
    }

    /// Whether other calls are under way.
    fn is_busy(&self) -> bool {
        self.line().under_way > 1
    }

    /// The next call's items; none: this task is done.
    fn next(&self) -> Option<Vec<Asked>> {
        let mut line = self.line();
        if line.waiting.is_empty() {
            line.under_way -= 1;
            return None;
        }
        let items = line.waiting.len().min(if self.is_alone { 1 } else { AT_ONCE });
        Some(line.waiting.drain(..items).collect())
    }

    /// Where a call took the whole time an answer may take and came to nothing, those who waited behind it have waited as
    /// long.
    fn give_up_waiting(&self, error: &RedisError) {
        for asked in self.line().waiting.drain(..) {
            let _ = asked.tell.send(Err(error.clone()));
        }
    }

    /// The answer for each. What one item's keys are to blame for must not be everybody's error: then each is called
    /// alone, which is harmless, for all our scripts may run twice, also where the first time ended half way.
    async fn call(&self, items: &[Asked]) -> Vec<Result<Value, RedisError>> {
        match self.call_together(items).await {
            Ok(rows) => rows.into_iter().map(Ok).collect(),
            Err(error) if items.len() > 1 && error.may_be_of_one_item() => {
                let mut answers = Vec::with_capacity(items.len());
                for item in items {
                    let alone = self.call_together(std::slice::from_ref(item)).await;
                    answers.push(alone.map(|mut rows| rows.pop().unwrap_or(Value::Nil)));
                }
                answers
            }
            Err(error) => items.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn call_together(&self, items: &[Asked]) -> Result<Vec<Value>, RedisError> {
        let evaluation = Evaluation { script: &self.script, shared: &self.shared, items };
        let rows: Vec<Value> = self.redis.evaluate(&evaluation, self.is_confirmed).await?;
        if rows.len() == items.len() {
            return Ok(rows);
        }
        let what = "a script answers a row for each item";
        Err(RedisError::from(::redis::RedisError::from(ParsingError::from(what))))
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Evaluation<'_> {
    pub(super) fn call(&self) -> Cmd {
        let items = || self.items.iter().map(|asked| &asked.item);
        let all = || std::iter::once(self.shared).chain(items());
        let words: usize = all().map(|item| item.ends.len()).sum();
        let bytes: usize = all().map(|item| item.bytes.len()).sum();
        let mut command = Cmd::with_capacity(words + 4, bytes + 64);
        command.arg("EVALSHA").arg(&self.script.hash).arg(all().map(|item| item.keys).sum::<usize>());
        all().flat_map(Item::keys).for_each(|key| {
            command.arg(key);
        });
        command.arg(self.items.len());
        all().flat_map(Item::arguments).for_each(|argument| {
            command.arg(argument);
        });
        command
    }

    /// For a server that does not have the script. Not `EVAL`, which the programs have no right to (`users.acl`).
    pub(super) fn load(&self) -> Cmd {
        let mut command = Cmd::new();
        command.arg("SCRIPT").arg("LOAD").arg(self.script.text);
        command
    }
}

impl RedisError {
    /// The process is stopping, and with it the task that would have told.
    fn given_up() -> Self {
        Self::Unreachable(Arc::new((ErrorKind::Io, "the call was given up").into()))
    }
}
