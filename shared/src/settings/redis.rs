//! Where Redis is.

use secrecy::SecretString;

use super::{ConfigError, Settings};

/// How the addresses of `RESEND_REDIS_URL` are to be read.
#[derive(Debug, Clone)]
pub enum RedisMode {
    /// One server.
    Single,
    /// Nodes of a Redis Cluster.
    Cluster,
    /// Sentinels that know the master of this name.
    Sentinel(SentinelConfig),
}

/// What the sentinels are asked, and as whom.
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
    /// `RESEND_QUEUE_NAME` (default `resend`): the hash tag of every key, and thereby the slot in a cluster.
    pub hash_tag: String,
}

impl RedisConfig {
    /// Reads and checks the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let mode = match settings.text("RESEND_REDIS_MODE").unwrap_or("single") {
            "single" => RedisMode::Single,
            "cluster" => RedisMode::Cluster,
            "sentinel" => RedisMode::Sentinel(SentinelConfig::from_settings(settings)?),
            _ => return Err(settings.wrong("RESEND_REDIS_MODE", "single, cluster or sentinel")),
        };
        let urls = urls(settings, &mode)?;
        let min_replicas = settings.number("RESEND_REDIS_MIN_REPLICAS", "replicas", 0..=16)?;
        let hash_tag = super::queue::name(settings)?;
        Ok(Self { urls, mode, min_replicas, hash_tag })
    }
}

impl SentinelConfig {
    fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let master = settings
            .required("RESEND_REDIS_SENTINEL_MASTER", "the name of the master the sentinels watch")?;
        Ok(Self {
            master: master.to_owned(),
            user: settings.text("RESEND_REDIS_SENTINEL_USER").map(str::to_owned),
            password: settings.text("RESEND_REDIS_SENTINEL_PASSWORD").map(SecretString::from),
        })
    }
}

fn urls(settings: &Settings, mode: &RedisMode) -> Result<Vec<SecretString>, ConfigError> {
    let wants =
        "redis://, rediss:// or unix:// URLs, separated by commas where the mode is cluster or sentinel";
    let text = settings.required("RESEND_REDIS_URL", wants)?;
    let urls: Vec<_> = text.split(',').map(str::trim).collect();
    let known =
        |url: &&str| ["redis://", "rediss://", "unix://"].iter().any(|scheme| url.starts_with(scheme));
    if !urls.iter().all(known) || (matches!(mode, RedisMode::Single) && urls.len() > 1) {
        return Err(settings.wrong("RESEND_REDIS_URL", wants));
    }
    Ok(urls.into_iter().map(SecretString::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<RedisConfig, ConfigError> {
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
