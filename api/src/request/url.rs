//! The requested URL as the client sees it: `meta.url` of every answer.

use std::fmt;

use axum::extract::Request;
use axum::http::uri::{Authority, PathAndQuery};
use axum::http::{HeaderMap, HeaderValue, Version, header};
use serde::{Serialize, Serializer};

use crate::config::PublicUrl;

/// The requested URL, or only its path if the client named no usable host.
#[derive(Debug)]
pub(crate) struct RequestUrl {
    host: Host,
    path: Option<PathAndQuery>,
}

#[derive(Debug)]
enum Host {
    Public(PublicUrl),
    Requested(&'static str, Authority),
    Unknown,
}

impl RequestUrl {
    /// Reads it from a request; a configured public URL overrides the client's.
    pub(crate) fn of(request: &Request, public_url: Option<&PublicUrl>) -> Self {
        let path = request.uri().path_and_query().cloned();
        Self { host: Host::of(request, public_url), path }
    }
}

impl Host {
    fn of(request: &Request, public_url: Option<&PublicUrl>) -> Self {
        if let Some(url) = public_url {
            return Self::Public(url.clone());
        }
        let scheme = if request.uri().scheme_str() == Some("https") { "https" } else { "http" };
        let named = request.headers().get(header::HOST).and_then(authority_of);
        match request.uri().authority().cloned().or(named) {
            Some(authority) if !authority.as_str().contains('@') => Self::Requested(scheme, authority),
            _ => Self::Unknown,
        }
    }
}

/// Whether a request names exactly one host, so that two servers in a row cannot disagree about its target. HTTP/1.1
/// has one `Host` (RFC 9112, 3.2); HTTP/2 has `:authority`, or `Host`, or both if they are equal (RFC 9113, 8.3.1).
pub(crate) fn names_one_host(request: &Request) -> bool {
    let authority = request.uri().authority().filter(|authority| !authority.as_str().contains('@'));
    match request.version() {
        Version::HTTP_09 | Version::HTTP_10 => true,
        Version::HTTP_2 => match (authority, only_host(request.headers())) {
            (Some(_), Ok(None)) | (None, Ok(Some(_))) => true,
            (Some(authority), Ok(Some(host))) => *authority == host,
            (None, Ok(None)) | (_, Err(())) => false,
        },
        _ => matches!(only_host(request.headers()), Ok(Some(_))),
    }
}

/// The only host in `Host`; an error if there are two, or a malformed one.
fn only_host(headers: &HeaderMap) -> Result<Option<Authority>, ()> {
    let mut sent = headers.get_all(header::HOST).iter();
    match (sent.next(), sent.next()) {
        (None, _) => Ok(None),
        (Some(host), None) => authority_of(host).map(Some).ok_or(()),
        (Some(_), Some(_)) => Err(()),
    }
}

/// The host in a `Host` header, with its port; user names are not allowed there.
fn authority_of(value: &HeaderValue) -> Option<Authority> {
    Authority::try_from(value.as_bytes()).ok().filter(|authority| !authority.as_str().contains('@'))
}

impl fmt::Display for RequestUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Public(url) => write!(f, "{url}")?,
            Host::Requested(scheme, authority) => write!(f, "{scheme}://{authority}")?,
            Host::Unknown => {}
        }
        f.write_str(self.path.as_ref().map_or("/", PathAndQuery::as_str))
    }
}

impl Serialize for RequestUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use proptest::prelude::*;
    use shared::settings::Settings;

    use super::*;
    use crate::config::HttpConfig;

    fn request(version: Version, uri: &str, hosts: &[&str]) -> Request {
        let request = Request::builder().version(version).uri(uri);
        hosts.iter().fold(request, |request, host| request.header("host", *host)).body(Body::empty()).unwrap()
    }

    fn url(uri: &str, host: &str) -> String {
        RequestUrl::of(&request(Version::HTTP_11, uri, &[host]), None).to_string()
    }

    #[test]
    fn the_url_is_the_one_that_was_asked_for() {
        assert_eq!(url("/Jobs/1?a=b", "example.com"), "http://example.com/Jobs/1?a=b");
        assert_eq!(url("/Jobs/1", "[::1]:8080"), "http://[::1]:8080/Jobs/1");
        assert_eq!(url("https://example.com/Jobs/1", "other"), "https://example.com/Jobs/1");
    }

    #[test]
    fn a_malformed_host_leaves_the_path_alone() {
        for host in ["", "a b", "user@example.com", "a/b", "<script>"] {
            assert_eq!(url("/Jobs/1", host), "/Jobs/1", "{host}");
        }
    }

    #[test]
    fn a_public_url_wins_over_whatever_the_client_says() {
        let settings = Settings::from_pairs([("RESEND_API_PUBLIC_URL", "https://api.example.com")]).unwrap();
        let config = HttpConfig::from_settings(&settings).unwrap();
        let url =
            RequestUrl::of(&request(Version::HTTP_11, "/Jobs/1", &["evil"]), config.public_url.as_ref());
        assert_eq!(url.to_string(), "https://api.example.com/Jobs/1");
    }

    #[test]
    fn http_1_1_names_one_host_in_its_header() {
        let named = |hosts: &[&str]| names_one_host(&request(Version::HTTP_11, "/", hosts));
        for host in ["example.com", "example.com:8080", "127.0.0.1", "[::1]:8080"] {
            assert!(named(&[host]), "{host}");
        }
        for hosts in [&[][..], &[""], &["a b"], &["user@example.com"], &["a/b"], &["a", "a"]] {
            assert!(!named(hosts), "{hosts:?}");
        }
    }

    #[test]
    fn http_2_names_one_host_in_its_authority_or_its_header() {
        let named = |uri: &str, hosts: &[&str]| names_one_host(&request(Version::HTTP_2, uri, hosts));
        assert!(named("http://a/", &[]) && named("http://a/", &["a"]) && named("/", &["a"]));
        assert!(!named("/", &[]) && !named("http://a/", &["b"]) && !named("http://a/", &["a", "a"]));
    }

    proptest! {
        #[test]
        fn what_is_echoed_is_no_url_of_a_stranger(host in "[\\x20-\\x7E]{0,40}") {
            let url = url("/Jobs/1", &host);
            let whole = format!("http://{host}/Jobs/1");
            prop_assert!(url == "/Jobs/1" || url == whole);
            prop_assert!(!url.contains(['@', ' ', '<', '"']));
        }
    }
}
