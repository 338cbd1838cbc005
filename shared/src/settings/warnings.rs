//! Settings that are allowed but should be changed: logged at start, and reported by `doctor`.

use std::net::IpAddr;

use super::Settings;
use super::table::{Table, variables};

/// Fewest digits of a one-time code (NIST SP 800-63B, 3.1.3.2: six decimal digits).
const LEAST_DIGITS: u64 = 6;

/// Longest lifetime of a one-time code (the same: ten minutes).
const LONGEST_LIFE_SECONDS: u64 = 600;

impl Settings {
    /// Everything about the settings of this table that an operator should change.
    pub fn warnings(&self, table: Table) -> Vec<String> {
        let urls = variables(table).filter(|variable| variable.is_url());
        let mut all: Vec<_> = urls.filter_map(|variable| self.cleartext(variable.name)).collect();
        let is_given = |name| variables(table).any(|variable| variable.name == name);
        let number = |name| self.number(name).ok().filter(|_| is_given(name));
        if let Some(digits) = number("RESEND_OTP_LENGTH").filter(|digits| *digits < LEAST_DIGITS) {
            all.push(format!("RESEND_OTP_LENGTH={digits}: NIST SP 800-63B asks for at least 6 digits"));
        }
        if let Some(life) = number("RESEND_OTP_TTL_SECONDS").filter(|life| *life > LONGEST_LIFE_SECONDS) {
            all.push(format!("RESEND_OTP_TTL_SECONDS={life}: NIST SP 800-63B asks for at most 600 seconds"));
        }
        all
    }

    fn cleartext(&self, name: &'static str) -> Option<String> {
        let urls = self.text(name)?.split(',').map(str::trim);
        let (scheme, host) = urls.filter_map(cleartext_host).find(|(_, host)| !is_loopback(host))?;
        let change = match scheme {
            // This service does not encrypt SMPP.
            "smpp" => "lead it through an encrypted tunnel".to_owned(),
            scheme => format!("use {scheme}s://"),
        };
        Some(format!("{name}: {scheme}:// to {host} is not encrypted: {change} off this machine"))
    }
}

/// Scheme and host of a URL that is not encrypted.
fn cleartext_host(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) =
        url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "redis" | "smpp"))?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let host = match place.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => place.rsplit_once(':').map_or(place, |(host, _)| host),
    };
    Some((scheme, host))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::super::table::{API, WORKER};
    use super::*;

    fn warnings(pairs: &[(&str, &str)]) -> Vec<String> {
        Settings::from_pairs(pairs.iter().copied()).unwrap().warnings(WORKER)
    }

    #[test]
    fn cleartext_off_loopback_is_warned_about_without_credentials() {
        for url in ["http://127.0.0.1:1/a", "http://[::1]:1", "http://localhost", "https://registry"] {
            assert!(warnings(&[("RESEND_REGISTRY_URL", url)]).is_empty(), "{url}");
        }
        for url in ["http://user:hunter2@registry:80/a", "http://10.0.0.1", "http://[fd00::1]:80/"] {
            let found = warnings(&[("RESEND_REGISTRY_URL", url)]);
            assert!(found.len() == 1 && !found[0].contains("hunter2"), "{found:?}");
        }
        let found = warnings(&[
            ("RESEND_REDIS_URL", "redis://127.0.0.1:1,redis://:hunter2@redis:6379"),
            ("RESEND_REDIS_MODE", "cluster"),
        ]);
        assert_eq!(
            found,
            ["RESEND_REDIS_URL: redis:// to redis is not encrypted: use rediss:// off this machine"]
        );
    }

    #[test]
    fn an_smsc_off_loopback_is_warned_about_in_whichever_variable_it_stands() {
        for name in ["RESEND_SMS_URL", "RESEND_SMS_SMPP_URL"] {
            assert!(warnings(&[(name, "smpp://esme:hunter2@127.0.0.1:2775")]).is_empty());
            let expected = format!(
                "{name}: smpp:// to smsc is not encrypted: lead it through an encrypted tunnel off this machine"
            );
            assert_eq!(warnings(&[(name, "smpp://esme:hunter2@smsc:2775")]), [expected]);
        }
    }

    #[test]
    fn limits_outside_nists_are_warned_about() {
        let found = warnings(&[("RESEND_OTP_LENGTH", "4"), ("RESEND_OTP_TTL_SECONDS", "601")]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(warnings(&[("RESEND_OTP_LENGTH", "6"), ("RESEND_OTP_TTL_SECONDS", "600")]).is_empty());
    }

    #[test]
    fn a_program_warns_of_its_own_settings_only() {
        let settings = Settings::from_pairs([("RESEND_REGISTRY_URL", "http://registry")]).unwrap();
        assert!(settings.warnings(API).is_empty());
    }
}
