//! The client's address: that of the connection, or what trusted proxies report. The rightmost address that is not a
//! trusted proxy's counts, because the client may have written anything to its left.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header};
use shared::runtime::http::Connection;

use crate::config::TrustedProxies;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The source of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress {
    /// The client's address.
    pub(crate) ip: IpAddr,
    /// Whether its connection comes from a trusted proxy. If none is configured, every connection counts as one.
    pub(crate) is_from_proxy: bool,
}

impl ClientAddress {
    /// The source of the request on this connection.
    pub(crate) fn of(connection: &Connection, headers: &HeaderMap, proxies: &TrustedProxies) -> Self {
        let is_from_proxy = connection.is_trusted || proxies.is_empty();
        Self { ip: client_ip(connection, headers, proxies), is_from_proxy }
    }

    /// An address for tests.
    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self { ip: [127, 0, 0, 1].into(), is_from_proxy: false }
    }
}

/// `Forwarded` (RFC 7239) overrides `X-Forwarded-For`.
fn client_ip(connection: &Connection, headers: &HeaderMap, proxies: &TrustedProxies) -> IpAddr {
    if !connection.is_trusted {
        return connection.peer;
    }
    let forwarded = if headers.contains_key(header::FORWARDED) {
        items(headers, &header::FORWARDED).filter_map(forwarded_for).map(address).collect::<Vec<_>>()
    } else {
        items(headers, &X_FORWARDED_FOR).map(address).collect()
    };
    let mut nearest = connection.peer;
    for hop in forwarded.into_iter().rev() {
        // Nothing beyond a malformed address can be trusted.
        let Some(hop) = hop else { break };
        nearest = hop;
        if !proxies.contain(hop) {
            break;
        }
    }
    nearest
}

/// All items of a list header, in order.
fn items<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// The value of `for` in one element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<&str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    Some(value.trim().trim_matches('"'))
}

/// An address with or without a port, IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let parsed = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    parsed.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use shared::settings::Settings;

    use super::*;

    fn client(is_trusted: bool, lines: &[(&'static str, &str)]) -> String {
        let settings = Settings::from_pairs([("RESEND_API_TRUSTED_PROXIES", "10.0.0.0/8")]).unwrap();
        let proxies = TrustedProxies::from_settings(&settings).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let mut connection = Connection::for_tests();
        (connection.peer, connection.is_trusted) = ([10, 0, 0, 1].into(), is_trusted);
        ClientAddress::of(&connection, &headers, &proxies).ip.to_string()
    }

    #[test]
    fn the_rightmost_address_that_is_not_a_trusted_proxy_is_the_clients() {
        for (lines, expected) in [
            (&[][..], "10.0.0.1"),
            (&[("x-forwarded-for", "192.0.2.1")], "192.0.2.1"),
            (&[("x-forwarded-for", "6.6.6.6, 192.0.2.1, 10.0.0.2")], "192.0.2.1"),
            (&[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "192.0.2.1:4711")], "192.0.2.1"),
            (&[("x-forwarded-for", "192.0.2.1, unknown, 10.0.0.2")], "10.0.0.2"),
            (&[("forwarded", "for=6.6.6.6, for=\"[2001:db8::1]:80\";proto=https")], "2001:db8::1"),
            (&[("forwarded", "For=192.0.2.1"), ("x-forwarded-for", "6.6.6.6")], "192.0.2.1"),
        ] {
            assert_eq!(client(true, lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn nobody_else_is_believed() {
        assert_eq!(client(false, &[("x-forwarded-for", "6.6.6.6")]), "10.0.0.1");
    }
}
