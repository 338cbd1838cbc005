//! The header of an access token (RFC 9068, 2.1). The library parses it too, but neither checks for this type of token
//! nor sees that a `crit` of `null` is present.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, AlgorithmFamily};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// What is needed to choose a key.
#[derive(Debug, Deserialize)]
pub(super) struct Header {
    /// The token's stated algorithm, an asymmetric one.
    pub(super) alg: Algorithm,
    /// The name of the key, if it has one.
    #[serde(default)]
    pub(super) kid: Option<String>,
    typ: String,
    /// Extensions that must be understood (RFC 7515, 4.1.11): we understand none.
    #[serde(rename = "crit", default, deserialize_with = "present")]
    has_crit: bool,
}

impl Header {
    /// Reads the header of a token. `None` unless it is an access token with an allowed algorithm.
    pub(super) fn read(token: &str) -> Option<Self> {
        let (header, _) = token.split_once('.')?;
        let header: Self = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        let is_access_token =
            ["at+jwt", "application/at+jwt"].iter().any(|typ| header.typ.eq_ignore_ascii_case(typ));
        // The keys are public: if one could be used as a shared secret, everybody could sign with it.
        let is_asymmetric = header.alg.family() != AlgorithmFamily::Hmac;
        (is_access_token && is_asymmetric && !header.has_crit).then_some(header)
    }
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(header: &Value) -> Option<Header> {
        Header::read(&format!("{}.e30.c2ln", BASE64_URL_SAFE_NO_PAD.encode(header.to_string())))
    }

    #[test]
    fn an_access_token_is_told_by_its_type_in_any_case() {
        for (alg, typ) in [("RS256", "at+jwt"), ("ES384", "AT+JWT"), ("EdDSA", "application/at+jwt")] {
            let header = read(&json!({"alg": alg, "typ": typ, "kid": "1"})).unwrap();
            assert_eq!(header.kid.as_deref(), Some("1"));
        }
        assert_eq!(read(&json!({"alg": "RS256", "typ": "at+jwt"})).unwrap().kid, None);
    }

    #[test]
    fn no_other_algorithm_type_or_extension_is_taken() {
        for (name, value) in [
            ("alg", json!("none")),
            ("alg", json!("HS256")),
            ("alg", json!("rs256")),
            ("alg", json!(null)),
            ("typ", json!("JWT")),
            ("typ", json!(null)),
            ("kid", json!(1)),
            ("crit", json!(["b64"])),
            ("crit", json!([])),
            ("crit", json!(null)),
        ] {
            let mut header = json!({"alg": "RS256", "typ": "at+jwt", "kid": "1"});
            header[name] = value.clone();
            assert!(read(&header).is_none(), "{name}: {value}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[A-Za-z0-9._=-]{0,120}") {
            prop_assert!(Header::read(&text).is_none());
        }

        #[test]
        fn no_header_makes_it_panic(header in "\\PC{0,60}") {
            let text = format!("{}.e30.e30", BASE64_URL_SAFE_NO_PAD.encode(header));
            prop_assert!(Header::read(&text).is_none());
        }
    }
}
