//! The options of every connection.

use std::time::Duration;

use ::redis::{AsyncConnectionConfig, ConnectionInfo, IntoConnectionInfo, RedisResult};

/// No response timeout: the library's default of 500 ms is shorter than any useful blocking read, and its late reply
/// would strand stream entries as pending.
pub(super) fn connection_config(connect_limit: Duration) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(Some(connect_limit)).set_response_timeout(None)
}

/// The address and user of a URL, without `CLIENT SETINFO` at the start of each connection: Redis 7.0 does not know it,
/// and the shipped users may not run it, so each would add an entry to the server's access log.
pub(super) fn server_info(url: &str) -> RedisResult<ConnectionInfo> {
    let info = url.into_connection_info()?;
    let settings = info.redis_settings().clone().set_skip_set_lib_name();
    Ok(info.set_redis_settings(settings))
}
