//! Requests to Redis in one round trip, alone or followed by `WAIT` on the same connection.

use std::time::Duration;

use ::redis::aio::ConnectionLike;
use ::redis::{
    Cmd, ErrorKind, FromRedisValue, Pipeline, RedisResult, ScriptInvocation, ServerErrorKind, Value,
    from_redis_value,
};

use super::batch::BatchCall;
use super::error::within;
use super::{Connection, RedisError};

const NO_SCRIPT: ErrorKind = ErrorKind::Server(ServerErrorKind::NoScript);

/// Any request to Redis in one round trip.
pub(super) enum Request<'a> {
    Command(&'a Cmd),
    Pipeline(&'a Pipeline),
    Script(ScriptCall<'a>),
}

/// A script, for one item or for many.
pub(super) enum ScriptCall<'a> {
    One(&'a ScriptInvocation<'a>),
    Batch(&'a BatchCall<'a>),
}

/// A script's reply, and how many replicas have confirmed its writes.
pub(super) struct Confirmed {
    pub(super) answer: RedisResult<Value>,
    pub(super) replicas: u64,
}

impl Request<'_> {
    pub(super) async fn send<T: FromRedisValue>(&self, connection: &mut Connection) -> RedisResult<T> {
        match self {
            Self::Command(command) => command.query_async(connection).await,
            Self::Pipeline(pipeline) => pipeline.query_async(connection).await,
            Self::Script(ScriptCall::One(script)) => script.invoke_async(connection).await,
            Self::Script(ScriptCall::Batch(call)) => match call.evaluate().query_async(connection).await {
                Err(error) if error.kind() == NO_SCRIPT => {
                    let _: String = call.load().query_async(connection).await?;
                    call.evaluate().query_async(connection).await
                }
                answer => answer,
            },
        }
    }
}

impl ScriptCall<'_> {
    /// Sends the call, and `WAIT` behind it. Both go in one pipeline and so over one connection, because `WAIT` covers
    /// only the writes of its own connection. Each round trip has the time limit of a command.
    pub(super) async fn send_and_wait(
        &self,
        connection: &mut Connection,
        replicas: u64,
        limit: Duration,
    ) -> Result<Confirmed, RedisError> {
        let mut pipeline = Pipeline::with_capacity(2);
        match self {
            Self::One(script) => pipeline.invoke_script(script),
            Self::Batch(call) => pipeline.add_command(call.evaluate()),
        };
        pipeline.cmd("WAIT").arg(replicas).arg(limit.as_millis().to_string());
        let confirmed = within(Confirmed::ask(&pipeline, connection)).await?;
        if !confirmed.answer.as_ref().is_err_and(|error| error.kind() == NO_SCRIPT) {
            return Ok(confirmed);
        }
        let _: String = match self {
            Self::One(script) => within(script.load_async(connection)).await?,
            Self::Batch(call) => within(call.load().query_async(connection)).await?,
        };
        within(Confirmed::ask(&pipeline, connection)).await
    }
}

impl Confirmed {
    async fn ask(pipeline: &Pipeline, connection: &mut Connection) -> RedisResult<Self> {
        let mut answers = connection.req_packed_commands(pipeline, 0, 2).await?.into_iter();
        let mut next = || answers.next().unwrap_or(Value::Nil).extract_error();
        let answer = next();
        Ok(Self { answer, replicas: from_redis_value(next()?)? })
    }
}
