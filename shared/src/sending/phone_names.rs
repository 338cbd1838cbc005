//! Names of phones in Redis: keyed hashes, because there are too few phone numbers for a plain hash to hide one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

use crate::domain::phone::PhoneNumber;

/// Distinguishes these names from everything else that is derived from the same secret.
const LABEL: &[u8] = b"resend/phone/1";

/// Stored bytes of a name: 128 bits do not collide by accident.
const NAME_BYTES: usize = 16;

/// Makes names under one secret, or under two during a rotation: a phone then has a record under both, so that no limit
/// starts afresh.
#[derive(Clone)]
pub struct PhoneNames(Vec<Hmac<Sha256>>);

impl PhoneNames {
    /// Names under these secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretSlice<u8>>) -> Self {
        Self(secrets.into_iter().map(|secret| keyed(secret.expose_secret())).collect())
    }

    /// The phone's names, under the newest secret first: 22 characters each.
    pub(crate) fn names(&self, phone: &PhoneNumber) -> Vec<String> {
        let name = |key: &Hmac<Sha256>| {
            let mac = key.clone().chain_update(LABEL).chain_update([0]).chain_update(phone.expose());
            URL_SAFE_NO_PAD.encode(&mac.finalize().into_bytes()[..NAME_BYTES])
        };
        self.0.iter().map(name).collect()
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104, section 2)")]
    Hmac::new_from_slice(key).expect("a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_one_phone_and_secret_and_does_not_show_the_number() {
        let secrets: [SecretSlice<u8>; 2] = [vec![1; 32].into(), vec![2; 32].into()];
        let names = PhoneNames::new(&secrets);
        let (one, other) = ("+380931234585".parse().unwrap(), "+380931234586".parse().unwrap());
        assert_eq!(names.names(&one), names.names(&one));
        let all: std::collections::HashSet<_> =
            [names.names(&one), names.names(&other)].into_iter().flatten().collect();
        assert_eq!(all.len(), 4);
        assert!(all.iter().all(|name| name.len() == 22 && !name.contains("931234585")));
    }
}
