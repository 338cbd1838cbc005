//! How tokens are checked.

mod introspection;
mod jwt;
mod mithril;

use std::time::Duration;

use reqwest::Url;
use shared::settings::{ConfigError, ConfigErrors, Settings};

pub use introspection::IntrospectionConfig;
pub use jwt::JwtConfig;
pub use mithril::MithrilUrl;

/// `RESEND_AUTH_*`.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// `RESEND_AUTH_MODE` (no default, must be set).
    pub mode: AuthMode,
    /// How long answers about tokens are cached.
    pub cache_ttl: CacheTtl,
}

/// The source of trust in a token.
#[derive(Debug, Clone)]
pub enum AuthMode {
    /// An authorization server (RFC 7662).
    Introspection(IntrospectionConfig),
    /// The issuer's signature, checked here (RFC 9068).
    Jwt(JwtConfig),
    /// The platform's token service.
    Mithril(MithrilUrl),
    /// The gateway before this service, by headers (`x-consumer-*`).
    Gateway,
}

/// `RESEND_AUTH_CACHE_SECONDS`: how long an answer about a token is cached at most. No token is trusted after it
/// expires; zero caches nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheTtl {
    /// For requests that change something (default 5 s).
    pub write: Duration,
    /// For requests that only read (default 30 s).
    pub read: Duration,
}

impl AuthConfig {
    /// Reads the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigErrors> {
        shared::read_settings!(Self { mode: mode(settings), cache_ttl: cache_ttl(settings) })
    }
}

fn mode(settings: &Settings) -> Result<AuthMode, ConfigErrors> {
    Ok(match settings.choice("RESEND_AUTH_MODE")? {
        "introspection" => AuthMode::Introspection(IntrospectionConfig::from_settings(settings)?),
        "jwt" => AuthMode::Jwt(JwtConfig::from_settings(settings)?),
        "mithril" => AuthMode::Mithril(MithrilUrl::from_settings(settings)?),
        _ => AuthMode::Gateway,
    })
}

/// Used unchanged: for some servers a trailing slash is another resource, and redirects are not followed.
fn url(settings: &Settings) -> Result<Url, ConfigError> {
    const NAME: &str = "RESEND_AUTH_URL";
    let url: Url = settings.parse(NAME)?;
    let fits =
        matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    if fits { Ok(url) } else { Err(settings.invalid(NAME)) }
}

/// The text with everything percent-encoded except unreserved characters (RFC 3986, 2.3).
pub(crate) fn percent_encoded(text: &str) -> String {
    let escaped = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escaped).collect()
}

fn cache_ttl(settings: &Settings) -> Result<CacheTtl, ConfigError> {
    const NAME: &str = "RESEND_AUTH_CACHE_SECONDS";
    if settings.text(NAME).is_none() {
        return Ok(CacheTtl { write: Duration::from_secs(5), read: Duration::from_secs(30) });
    }
    let bound = Duration::from_secs(settings.number(NAME)?);
    Ok(CacheTtl { write: bound, read: bound })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: [(&str, &str); 4] = [
        ("RESEND_AUTH_MODE", "introspection"),
        ("RESEND_AUTH_URL", "http://127.0.0.1:1/oauth/introspect/"),
        ("RESEND_AUTH_CLIENT_ID", "resend-api"),
        ("RESEND_AUTH_CLIENT_SECRET", "hunter2"),
    ];

    fn read(pairs: &[(&str, &str)]) -> Result<AuthConfig, ConfigErrors> {
        AuthConfig::from_settings(&Settings::from_pairs(pairs.iter().copied())?)
    }

    #[test]
    fn each_missing_setting_is_named() {
        for (left_out, _) in COMPLETE {
            let pairs: Vec<_> = COMPLETE.into_iter().filter(|(name, _)| *name != left_out).collect();
            let error = read(&pairs).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{left_out} is not set")), "{error}");
        }
    }

    #[test]
    fn every_mode_of_the_contract_is_there_and_no_other() {
        let set = |mode, url| {
            let (issuer, audience) = (("RESEND_AUTH_ISSUER", "i"), ("RESEND_AUTH_AUDIENCE", "a"));
            read(&[("RESEND_AUTH_MODE", mode), ("RESEND_AUTH_URL", url), issuer, audience])
        };
        assert!(matches!(set("jwt", "http://a/jwks").unwrap().mode, AuthMode::Jwt(_)));
        assert!(matches!(set("mithril", "http://a/{access_token}").unwrap().mode, AuthMode::Mithril(_)));
        assert!(matches!(set("gateway", "").unwrap().mode, AuthMode::Gateway));
        for mode in ["none", "", "JWT"] {
            assert!(set(mode, "http://a/jwks").is_err(), "{mode}");
        }
    }

    #[test]
    fn the_url_keeps_its_trailing_slash_and_has_no_password() {
        let AuthMode::Introspection(config) = read(&COMPLETE).unwrap().mode else { panic!("another mode") };
        assert_eq!(config.url.as_str(), "http://127.0.0.1:1/oauth/introspect/");
        for url in ["http://u:p@a/", "ftp://a/", "a"] {
            let mut pairs = COMPLETE;
            pairs[1].1 = url;
            assert!(read(&pairs).is_err(), "{url}");
        }
    }

    #[test]
    fn trust_has_a_default_for_writes_and_one_for_reads_and_one_setting_for_both() {
        let seconds = |ttl: CacheTtl| (ttl.write.as_secs(), ttl.read.as_secs());
        assert_eq!(seconds(read(&COMPLETE).unwrap().cache_ttl), (5, 30));
        let shorter: Vec<_> = COMPLETE.into_iter().chain([("RESEND_AUTH_CACHE_SECONDS", "2")]).collect();
        assert_eq!(seconds(read(&shorter).unwrap().cache_ttl), (2, 2));
    }

    #[test]
    fn the_secret_is_not_printed() {
        assert!(!format!("{:?}", read(&COMPLETE).unwrap()).contains("hunter2"));
    }
}
