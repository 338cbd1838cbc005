//! Group commit: calls of one script share batches. Calls that arrive while a batch is under way go with the next one, so
//! that a busy process pays for a round trip, and Redis for the start of a script, once for many. No call waits for
//! company: an idle process sends a batch of one at once.
//!
//! A script that can be batched takes and returns lists:
//!
//! | | |
//! |---|---|
//! | `KEYS` | the shared keys, then those of each item |
//! | `ARGV` | the number of items, the shared arguments, then those of each item |
//! | result | a row for each item, in the same order |

mod queue;
mod script_args;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ::redis::{Cmd, ErrorKind, FromRedisValue, ParsingError, Script, Value, from_redis_value};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout;

use queue::BatchQueue;
pub use script_args::ScriptArgs;

use super::{Redis, RedisError};

/// How long a batch may take before the waiting calls are sent without it. Beyond that Redis is in trouble, and no call
/// should wait behind another that waits for it.
const BATCH_TIMEOUT: Duration = Duration::from_millis(50);

/// A script whose calls share batches; clones share the queue.
#[derive(Clone)]
pub struct ScriptBatcher {
    inner: Arc<Inner>,
}

struct Inner {
    redis: Redis,
    script: HashedScript,
    shared: ScriptArgs,
    is_confirmed: bool,
    queue: BatchQueue<PendingCall>,
}

struct HashedScript {
    text: &'static str,
    hash: String,
}

struct PendingCall {
    item: ScriptArgs,
    reply: oneshot::Sender<Result<Value, RedisError>>,
}

/// Sends batches while the queue counts it. If it is cancelled or panics, waiting calls fail and the next call starts a
/// new task.
struct FlushTask {
    inner: Arc<Inner>,
    is_counted: bool,
}

/// One call of a script for several items.
pub(super) struct BatchCall<'a> {
    script: &'a HashedScript,
    shared: &'a ScriptArgs,
    items: &'a [PendingCall],
}

impl ScriptBatcher {
    /// A batcher for a script; the keys of all items have the hash tag of those in `shared`.
    pub fn new(redis: &Redis, text: &'static str, shared: ScriptArgs) -> Self {
        let script = HashedScript { text, hash: Script::new(text).get_hash().to_owned() };
        let (redis, queue) = (redis.clone(), BatchQueue::new());
        Self { inner: Arc::new(Inner { redis, script, shared, is_confirmed: false, queue }) }
    }

    /// The same, for writes that must outlive a fail-over, as in [`Redis::script_confirmed`].
    #[must_use]
    pub fn confirmed(mut self) -> Self {
        let inner = Arc::get_mut(&mut self.inner);
        debug_assert!(inner.is_some(), "called before the batcher is cloned");
        if let Some(inner) = inner {
            inner.is_confirmed = true;
        }
        self
    }

    /// Runs the script for this item and returns its row. If the caller stops waiting, the call is still made.
    pub async fn ask<T: FromRedisValue>(&self, item: ScriptArgs) -> Result<T, RedisError> {
        let (reply, replied) = oneshot::channel();
        // A separate task sends the batch, because the caller that started it may be cancelled before the others are
        // answered.
        if self.inner.queue.push(PendingCall { item, reply }) {
            FlushTask::start(&self.inner);
        }
        let row = replied.await.unwrap_or_else(|_| Err(RedisError::cancelled()))?;
        from_redis_value(row).map_err(|error| RedisError::from(::redis::RedisError::from(error)))
    }
}

impl FlushTask {
    /// Starts a task that the queue counts already.
    fn start(inner: &Arc<Inner>) {
        let task = Self { inner: inner.clone(), is_counted: true };
        tokio::spawn(task.run());
    }

    async fn run(mut self) {
        while self.is_counted {
            if self.inner.queue.is_busy() {
                // Lets other ready tasks make their calls first: all calls of one turn of the runtime go into one
                // batch.
                yield_now().await;
            }
            let Some(calls) = self.inner.queue.next() else {
                self.is_counted = false;
                return;
            };
            let answers = self.send(&calls).await;
            for (call, answer) in calls.into_iter().zip(answers) {
                // The caller may have stopped waiting.
                let _ = call.reply.send(answer);
            }
        }
    }

    async fn send(&mut self, calls: &[PendingCall]) -> Vec<Result<Value, RedisError>> {
        let inner = self.inner.clone();
        let mut sending = pin!(inner.send(calls));
        if let Ok(answers) = timeout(BATCH_TIMEOUT, &mut sending).await {
            return answers;
        }
        self.is_counted = false;
        if inner.queue.detach() {
            Self::start(&inner);
        }
        sending.await
    }
}

impl Drop for FlushTask {
    fn drop(&mut self) {
        if self.is_counted {
            self.inner.queue.abort();
        }
    }
}

impl Inner {
    /// The answer for each item. If one item may have caused an error, each is tried alone. That is safe: all our
    /// scripts may be repeated, even if the first run stopped half way.
    async fn send(&self, items: &[PendingCall]) -> Vec<Result<Value, RedisError>> {
        match self.send_together(items).await {
            Ok(rows) => rows.into_iter().map(Ok).collect(),
            Err(error) if items.len() > 1 && error.may_be_of_one_item() => {
                let mut answers = Vec::with_capacity(items.len());
                for item in items {
                    let alone = self.send_together(std::slice::from_ref(item)).await;
                    answers.push(alone.map(|mut rows| rows.pop().unwrap_or(Value::Nil)));
                }
                answers
            }
            Err(error) => items.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn send_together(&self, items: &[PendingCall]) -> Result<Vec<Value>, RedisError> {
        let call = BatchCall { script: &self.script, shared: &self.shared, items };
        let rows: Vec<Value> = self.redis.batch(&call, self.is_confirmed).await?;
        if rows.len() == items.len() {
            return Ok(rows);
        }
        let what = "a script answers a row for each item";
        Err(RedisError::from(::redis::RedisError::from(ParsingError::from(what))))
    }
}

impl BatchCall<'_> {
    pub(super) fn evaluate(&self) -> Cmd {
        let items = || self.items.iter().map(|call| &call.item);
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

    /// Loads the script into a server that does not have it. Not by `EVAL`, which the programs may not use
    /// (`users.acl`).
    pub(super) fn load(&self) -> Cmd {
        let mut command = Cmd::new();
        command.arg("SCRIPT").arg("LOAD").arg(self.script.text);
        command
    }
}

impl RedisError {
    /// The task that sends batches was cancelled, because the process is stopping.
    fn cancelled() -> Self {
        Self::Unreachable(Arc::new((ErrorKind::Io, "the call was cancelled").into()))
    }
}
