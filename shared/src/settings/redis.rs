//! Where Redis is.

use secrecy::SecretString;

use super::{ConfigError, ConfigErrors, Settings};

/// How to read the addresses of `RESEND_REDIS_URL`.
#[derive(Debug, Clone)]
pub enum RedisMode {
    /// One server.
    Single,
    /// Nodes of a Redis Cluster.
    Cluster,
    /// Sentinels that know the master of this name.
    Sentinel(SentinelConfig),
}

/// The master's name, and the user and password for the sentinels.
#[derive(Debug, Clone)]
pub struct SentinelConfig {
    /// `RESEND_REDIS_SENTINEL_MASTER`.
    pub master: String,
    /// `RESEND_REDIS_SENTINEL_USER` (default none).
    pub user: Option<String>,
    /// `RESEND_REDIS_SENTINEL_PASSWORD` (default none).
    pub password: Option<SecretString>,
}

/// `RESEND_REDIS_*`.
#[derive(Debug, Clone)]
pub struct RedisConfig {
    /// `RESEND_REDIS_URL` (default `redis://127.0.0.1:6379/0`), one or more; may hold a password.
    pub urls: Vec<SecretString>,
    /// `RESEND_REDIS_MODE` (default `single`).
    pub mode: RedisMode,
    /// `RESEND_REDIS_MIN_REPLICAS` (default 0): replicas that must confirm before a 202.
    pub min_replicas: u64,
    /// `RESEND_QUEUE_NAME` (default `resend`): the hash tag of every key, and so the slot in a cluster.
    pub hash_tag: String,
}

impl RedisConfig {
    /// Reads and checks the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigErrors> {
        crate::read_settings!(Self {
            urls: urls(settings),
            mode: mode(settings),
            min_replicas: settings.number("RESEND_REDIS_MIN_REPLICAS"),
            hash_tag: super::queue::name(settings),
        })
    }
}

impl SentinelConfig {
    fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        Ok(Self {
            master: settings.required("RESEND_REDIS_SENTINEL_MASTER")?.to_owned(),
            user: settings.text("RESEND_REDIS_SENTINEL_USER").map(str::to_owned),
            password: settings.secret("RESEND_REDIS_SENTINEL_PASSWORD"),
        })
    }
}

fn mode(settings: &Settings) -> Result<RedisMode, ConfigError> {
    Ok(match settings.choice("RESEND_REDIS_MODE")? {
        "cluster" => RedisMode::Cluster,
        "sentinel" => RedisMode::Sentinel(SentinelConfig::from_settings(settings)?),
        _ => RedisMode::Single,
    })
}

fn urls(settings: &Settings) -> Result<Vec<SecretString>, ConfigError> {
    const NAME: &str = "RESEND_REDIS_URL";
    let text = settings.required(NAME)?;
    // The password of a single server may contain a comma.
    let is_single = settings.text("RESEND_REDIS_MODE") == Some("single");
    let urls: Vec<_> = if is_single { vec![text] } else { text.split(',').map(str::trim).collect() };
    let is_url =
        |url: &&str| ["redis://", "rediss://", "unix://"].iter().any(|scheme| url.starts_with(scheme));
    if !urls.iter().all(is_url) || (is_single && text.matches("://").count() > 1) {
        return Err(settings.invalid(NAME));
    }
    Ok(urls.into_iter().map(SecretString::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<RedisConfig, ConfigErrors> {
        RedisConfig::from_settings(&Settings::from_pairs(pairs.iter().copied())?)
    }

    #[test]
    fn one_server_is_the_default() {
        let config = read(&[]).unwrap();
        assert!(matches!(config.mode, RedisMode::Single), "{:?}", config.mode);
        assert_eq!((config.urls.len(), config.min_replicas), (1, 0));
    }

    #[test]
    fn several_addresses_need_a_mode_that_uses_them() {
        let several = ("RESEND_REDIS_URL", "redis://a,redis://b");
        assert!(read(&[several]).is_err());
        assert_eq!(read(&[several, ("RESEND_REDIS_MODE", "cluster")]).unwrap().urls.len(), 2);
    }

    #[test]
    fn sentinel_wants_the_masters_name() {
        let error = read(&[("RESEND_REDIS_MODE", "sentinel")]).unwrap_err();
        assert!(error.to_string().starts_with("RESEND_REDIS_SENTINEL_MASTER is not set"), "{error}");
    }

    #[test]
    fn another_scheme_is_refused() {
        assert!(read(&[("RESEND_REDIS_URL", "http://127.0.0.1")]).is_err());
    }
}
