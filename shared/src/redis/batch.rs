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

mod line;
mod script_args;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ::redis::{Cmd, ErrorKind, FromRedisValue, ParsingError, Script, Value, from_redis_value};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout;

use line::Line;
pub use script_args::ScriptArgs;

use super::{Redis, RedisError};

/// How long a call may take before those who wait for it go on without it. Over that, Redis is in trouble, and nobody is
/// to wait behind somebody who waits for it.
const PATIENCE: Duration = Duration::from_millis(50);

/// A script whose calls are gathered; clones share the line of those who wait.
#[derive(Clone)]
pub struct ScriptBatcher {
    inner: Arc<Inner>,
}

struct Inner {
    redis: Redis,
    script: Evaluated,
    shared: ScriptArgs,
    is_confirmed: bool,
    is_alone: bool,
    line: Line<Asked>,
}

/// A script and its hash.
struct Evaluated {
    text: &'static str,
    hash: String,
}

struct Asked {
    item: ScriptArgs,
    tell: oneshot::Sender<Result<Value, RedisError>>,
}

/// A task that makes calls, as long as it counts in the line. Where it is cut off, by a panic or the end of its runtime,
/// the line goes on without it.
struct Caller {
    inner: Arc<Inner>,
    counts: bool,
}

/// One call of a script for several items.
pub(super) struct Evaluation<'a> {
    script: &'a Evaluated,
    shared: &'a ScriptArgs,
    items: &'a [Asked],
}

impl ScriptBatcher {
    /// A script whose items all live on one server: their keys share a hash tag with those in `shared`.
    pub fn new(redis: &Redis, text: &'static str, shared: ScriptArgs) -> Self {
        let script = Evaluated { text, hash: Script::new(text).get_hash().to_owned() };
        let (redis, line) = (redis.clone(), Line::new());
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
    pub async fn ask<T: FromRedisValue>(&self, item: ScriptArgs) -> Result<T, RedisError> {
        let (tell, told) = oneshot::channel();
        let asked = Asked { item, tell };
        // A task of its own: whoever asked first may go away before the others have their answer.
        if self.inner.is_alone {
            tokio::spawn(self.inner.clone().call_alone(asked));
        } else if self.inner.line.join(asked) {
            Caller::start(&self.inner);
        }
        let row = told.await.unwrap_or_else(|_| Err(RedisError::given_up()))?;
        from_redis_value(row).map_err(|error| RedisError::from(::redis::RedisError::from(error)))
    }
}

impl Caller {
    /// Starts one that counts in the line.
    fn start(inner: &Arc<Inner>) {
        let caller = Self { inner: inner.clone(), counts: true };
        tokio::spawn(caller.run());
    }

    async fn run(mut self) {
        while self.counts {
            if self.inner.line.is_busy() {
                // Whoever is ready to ask, too, comes first: what one turn of the runtime brings goes in one call.
                yield_now().await;
            }
            let Some(asked) = self.inner.line.next() else {
                self.counts = false;
                return;
            };
            let answers = self.call(&asked).await;
            for (asked, answer) in asked.into_iter().zip(answers) {
                // Whoever left does not want to know.
                let _ = asked.tell.send(answer);
            }
        }
    }

    async fn call(&mut self, asked: &[Asked]) -> Vec<Result<Value, RedisError>> {
        let inner = self.inner.clone();
        let mut call = pin!(inner.call(asked));
        if let Ok(answers) = timeout(PATIENCE, &mut call).await {
            return answers;
        }
        self.counts = false;
        if inner.line.leave() {
            Self::start(&inner);
        }
        call.await
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        if self.counts {
            self.inner.line.break_off();
        }
    }
}

impl Inner {
    async fn call_alone(self: Arc<Self>, asked: Asked) {
        let answer = self.call(std::slice::from_ref(&asked)).await.pop();
        let _ = asked.tell.send(answer.unwrap_or_else(|| Err(RedisError::given_up())));
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
}

impl Evaluation<'_> {
    pub(super) fn call(&self) -> Cmd {
        let items = || self.items.iter().map(|asked| &asked.item);
        let all = || std::iter::once(self.shared).chain(items());
        let keys: usize = all().map(|item| item.keys().len()).sum();
        let words: usize = all().map(|item| item.arguments().len()).sum();
        let mut command =
            Cmd::with_capacity(keys + words + 4, all().map(ScriptArgs::size).sum::<usize>() + 64);
        command.arg("EVALSHA").arg(&self.script.hash).arg(keys);
        all().flat_map(ScriptArgs::keys).for_each(|key| {
            command.arg(key);
        });
        command.arg(self.items.len());
        all().flat_map(ScriptArgs::arguments).for_each(|argument| {
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
