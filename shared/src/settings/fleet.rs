//! The settings that all programs of a fleet must share. Each worker announces its own, and each program compares them
//! at its start.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::Settings;

const KEY: &str = "RESEND_OTP_KEY";

/// Distinguishes the name of a key from everything else that is derived from it.
const KEY_LABEL: &[u8] = b"resend/key/1";

/// Bytes of a key's name: enough to tell keys apart, too few to reveal one.
const KEY_NAME_BYTES: usize = 6;

/// Settings that a rolling restart changes safely: until it is over, each job follows the program that handles it.
const ALIKE: [&str; 16] = [
    "RESEND_JOB_DEADLINE_SECONDS",
    "RESEND_JOB_RETENTION_SECONDS",
    "RESEND_LEASE_SECONDS",
    "RESEND_MAX_DELIVERIES",
    "RESEND_REDIS_MIN_REPLICAS",
    "RESEND_OTP_MODE",
    "RESEND_OTP_LENGTH",
    "RESEND_OTP_TTL_SECONDS",
    "RESEND_OTP_MAX_GUESSES",
    "RESEND_LIMIT_COOLDOWN_SECONDS",
    "RESEND_LIMIT_PER_APPROVAL_HOUR",
    "RESEND_LIMIT_PER_PHONE_HOUR",
    "RESEND_LIMIT_PER_PHONE_DAY",
    "RESEND_LIMIT_PER_PATIENT_DAY",
    "RESEND_LIMIT_PER_CLIENT_MINUTE",
    "RESEND_LIMIT_TOTAL_MINUTE",
];

/// A program's own settings, by name; for keys only their names, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetSettings(BTreeMap<String, String>);

/// A setting that another program has set differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingDifference {
    /// Its name.
    pub name: String,
    /// Its value here.
    pub own: String,
    /// Its value there.
    pub other: String,
}

impl FleetSettings {
    /// The shared settings of a program with these settings.
    pub fn of(settings: &Settings) -> Self {
        let read = |name: &'static str| Some((name.to_owned(), settings.text(name)?.to_owned()));
        let keys = settings.secret(KEY).map(|keys| (KEY.to_owned(), key_names(keys.expose_secret())));
        Self(ALIKE.into_iter().filter_map(read).chain(keys).collect())
    }

    /// The settings that both programs have with different values.
    pub fn differences(&self, other: &Self) -> Vec<SettingDifference> {
        let both = self.0.iter().filter_map(|(name, own)| Some((name, own, other.0.get(name)?)));
        let differ = both.filter(|(_, own, other)| own != other);
        differ
            .map(|(name, own, other)| SettingDifference {
                name: name.clone(),
                own: own.clone(),
                other: other.clone(),
            })
            .collect()
    }
}

impl SettingDifference {
    /// Whether programs with different values undo each other's work: without a common key, the limits of a phone would
    /// be counted separately, and a retried job would have a different code.
    pub fn is_refused(&self) -> bool {
        let own: Vec<_> = self.own.split(',').collect();
        self.name == KEY && !self.other.split(',').any(|name| own.contains(&name))
    }

    /// How to change it safely.
    pub fn advice(&self) -> &'static str {
        match self.name.as_str() {
            KEY if self.is_refused() => {
                "put the new key before the old one (new,old) and restart all programs; take the old one out a day later. Or \
                 stop all workers first, and wait for half a minute"
            }
            KEY => "go on until all programs have both keys; take the old one out a day later",
            "RESEND_OTP_MODE" => "stop all workers, then start them with the new mode",
            _ => "restart all programs with the same value, one after the other",
        }
    }
}

impl fmt::Display for SettingDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, own, other } = self;
        write!(f, "{name} is {own} here and {other} there")
    }
}

fn key_names(keys: &str) -> String {
    let names = keys.split(',').map(|key| {
        let bytes = STANDARD.decode(key.trim()).unwrap_or_default();
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104, section 2)")]
        let mac =
            Hmac::<Sha256>::new_from_slice(&bytes).expect("a key of any length").chain_update(KEY_LABEL);
        URL_SAFE_NO_PAD.encode(&mac.finalize().into_bytes()[..KEY_NAME_BYTES])
    });
    names.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "YWJjZGVmZ2hpamFiY2RlZmdoaWphYmNkZWZnaGlqYWI=";
    const NEW: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

    fn worker(pairs: &[(&str, &str)]) -> FleetSettings {
        FleetSettings::of(&Settings::from_pairs(pairs.iter().copied()).unwrap())
    }

    #[test]
    fn what_differs_is_named_with_both_values_and_the_way_to_change_it() {
        let (here, there) = (worker(&[("RESEND_LEASE_SECONDS", "5")]), worker(&[]));
        let [difference] = &here.differences(&there)[..] else { panic!("one difference") };
        assert_eq!(difference.to_string(), "RESEND_LEASE_SECONDS is 5 here and 30 there");
        assert!(!difference.is_refused() && !difference.advice().is_empty());
        assert_eq!(here.differences(&here), []);
    }

    #[test]
    fn only_what_both_programs_have_is_compared() {
        assert!(ALIKE.iter().all(|name| super::super::table::find(name).is_some_and(|it| !it.is_secret)));
        assert_eq!(worker(&[(KEY, OLD)]).differences(&worker(&[])), []);
    }

    #[test]
    fn keys_without_one_in_common_are_refused_and_neither_is_shown() {
        let (old, new) = (worker(&[(KEY, OLD)]), worker(&[(KEY, NEW)]));
        let both = worker(&[(KEY, &format!("{NEW},{OLD}"))]);
        let refused = |one: &FleetSettings, other| {
            let [difference] = &one.differences(other)[..] else { panic!("one difference") };
            assert!(!difference.to_string().contains(OLD) && !difference.to_string().contains(NEW));
            difference.is_refused()
        };
        assert_eq!((refused(&new, &old), refused(&both, &old), refused(&new, &both)), (true, false, false));
    }
}
