//! The API's addresses, and the URLs that clients see.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use axum::http::Uri;
use shared::settings::{ConfigErrors, Settings};

use super::{JobHref, TrustedProxies};

/// `RESEND_API_*`, `RESEND_JOB_HREF`.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// `RESEND_API_LISTEN` (default `127.0.0.1:8080`); port 0 takes any free one.
    pub listen: SocketAddr,
    /// `RESEND_API_ADMIN_LISTEN` (default none): where `/metrics`, `/readyz` and `/healthz` are served instead.
    pub admin_listen: Option<SocketAddr>,
    /// `RESEND_API_TRUSTED_PROXIES` (default none).
    pub trusted_proxies: TrustedProxies,
    /// `RESEND_API_PUBLIC_URL` (default: scheme and host of each request): for `meta.url`.
    pub public_url: Option<PublicUrl>,
    /// `RESEND_JOB_HREF` (default `/Jobs/{id}`): the link to a job.
    pub job_href: JobHref,
}

/// Scheme and host clients see, as in `https://api.example.com`; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(Arc<str>);

/// The text is more than scheme and host, or less.
#[derive(Debug, thiserror::Error)]
#[error("not scheme and host only")]
pub struct InvalidUrl;

impl HttpConfig {
    /// Reads the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigErrors> {
        shared::read_settings!(Self {
            listen: settings.parse("RESEND_API_LISTEN"),
            admin_listen: settings.optional("RESEND_API_ADMIN_LISTEN"),
            trusted_proxies: TrustedProxies::from_settings(settings),
            public_url: settings.optional("RESEND_API_PUBLIC_URL"),
            job_href: settings.parse("RESEND_JOB_HREF"),
        })
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let is_http = text.starts_with("http://") || text.starts_with("https://");
        let is_bare = text.parse::<Uri>().is_ok_and(|uri| uri.path() == "/" && uri.query().is_none());
        let fits = is_http && is_bare && !text.contains(['@', '#']);
        if fits { Ok(Self(text.trim_end_matches('/').into())) } else { Err(InvalidUrl) }
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &'static str, value: &str) -> Result<HttpConfig, ConfigErrors> {
        HttpConfig::from_settings(&Settings::from_pairs([(name, value)])?)
    }

    #[test]
    fn a_public_url_is_scheme_and_host_only() {
        for url in ["https://api.example.com", "http://api.example.com:8080/"] {
            let read = read("RESEND_API_PUBLIC_URL", url).unwrap().public_url.unwrap();
            assert_eq!(read.to_string(), url.trim_end_matches('/'));
        }
        for url in [
            "api.example.com",
            "https://",
            "https://a/b",
            "https://a?b",
            "https://u@a",
            "ftp://a",
            "https://a b",
        ] {
            assert!(read("RESEND_API_PUBLIC_URL", url).is_err(), "{url}");
        }
    }

    #[test]
    fn an_address_to_listen_on_has_a_port() {
        assert_eq!(read("RESEND_API_LISTEN", "[::1]:0").unwrap().listen.port(), 0);
        for address in ["127.0.0.1", ":8080", "8080", "localhost:8080"] {
            assert!(read("RESEND_API_LISTEN", address).is_err(), "{address}");
        }
    }
}
