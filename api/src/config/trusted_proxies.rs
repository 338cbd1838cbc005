//! Proxies before the API that are trusted to report a client's address.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use shared::settings::{ConfigError, Settings};

/// `RESEND_API_TRUSTED_PROXIES` (default none): networks that proxies connect from; cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Reads the setting.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        const NAME: &str = "RESEND_API_TRUSTED_PROXIES";
        let networks = Self::parse(settings.text(NAME).unwrap_or_default());
        networks.ok_or_else(|| settings.invalid(NAME))
    }

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::default());
        }
        text.split(',').map(|network| network_of(network.trim())).collect::<Option<_>>().map(Self)
    }

    /// Whether no proxy is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this address belongs to a trusted proxy.
    pub fn contain(&self, address: IpAddr) -> bool {
        // A dual-stack socket shows IPv4 peers as ::ffff:a.b.c.d.
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// A network, or the network of a single address.
fn network_of(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_single_addresses_of_both_families_are_taken() {
        let proxies = TrustedProxies::parse("10.0.0.0/8, fd00::/8,192.0.2.7").unwrap();
        for (address, expected) in [
            ("10.1.2.3", true),
            ("11.1.2.3", false),
            ("::ffff:10.1.2.3", true),
            ("fd00::1", true),
            ("fe80::1", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
        ] {
            assert_eq!(proxies.contain(address.parse().unwrap()), expected, "{address}");
        }
        assert!(TrustedProxies::parse("").unwrap().is_empty());
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["10.0.0.0/33", "proxy", "10.0.0.0/8,", "10.0.0/8", "*"] {
            assert_eq!(TrustedProxies::parse(text), None, "{text}");
        }
    }
}
