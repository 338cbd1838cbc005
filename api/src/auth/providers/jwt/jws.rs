//! A token as it is written: the compact serialization of a signature (RFC 7515, 7.1).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::key::Algorithm;

/// A token that is well written; nothing of it is believed yet.
pub(super) struct Jws<'a> {
    /// What it is said to be signed with: one of those that are allowed.
    pub(super) algorithm: Algorithm,
    /// Which key signed it.
    pub(super) key_id: String,
    /// What was signed.
    pub(super) signed: &'a [u8],
    /// Claims, as JSON.
    pub(super) payload: Vec<u8>,
    /// The signature.
    pub(super) signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
    /// Extensions that must be understood: none are.
    #[serde(default)]
    crit: Option<serde::de::IgnoredAny>,
}

impl<'a> Jws<'a> {
    /// Reads a token. `None` for anything but an access token (RFC 9068, 2.1) under an algorithm that is allowed.
    pub(super) fn parse(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        let is_access_token =
            ["at+jwt", "application/at+jwt"].iter().any(|typ| header.typ.eq_ignore_ascii_case(typ));
        if !is_access_token || header.crit.is_some() {
            return None;
        }
        Some(Self {
            algorithm: Algorithm::named(&header.alg)?,
            key_id: header.kid,
            signed: signed.as_bytes(),
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }
}

fn decode(part: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(part).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn token(header: &Value) -> String {
        let part = |text: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(header.to_string().as_bytes()), part(b"{}"), part(b"signature"))
    }

    #[test]
    fn an_access_token_is_read() {
        for (alg, typ) in [("RS256", "at+jwt"), ("ES256", "AT+JWT"), ("EdDSA", "application/at+jwt")] {
            let token = token(&json!({"alg": alg, "typ": typ, "kid": "1"}));
            let jws = Jws::parse(&token).unwrap();
            assert_eq!(
                (jws.key_id.as_str(), &jws.payload[..], &jws.signature[..]),
                ("1", &b"{}"[..], &b"signature"[..])
            );
            assert!(token.as_bytes().starts_with(jws.signed));
        }
    }

    #[test]
    fn no_other_algorithm_type_or_extension_is_taken() {
        for header in [
            json!({"alg": "none", "typ": "at+jwt", "kid": "1"}),
            json!({"alg": "HS256", "typ": "at+jwt", "kid": "1"}),
            json!({"alg": "rs256", "typ": "at+jwt", "kid": "1"}),
            json!({"alg": "RS256", "typ": "JWT", "kid": "1"}),
            json!({"alg": "RS256", "kid": "1"}),
            json!({"alg": "RS256", "typ": "at+jwt"}),
            json!({"alg": "RS256", "typ": "at+jwt", "kid": "1", "crit": ["b64"], "b64": false}),
        ] {
            assert!(Jws::parse(&token(&header)).is_none(), "{header}");
        }
    }

    #[test]
    fn what_is_not_three_parts_is_no_token() {
        let good = token(&json!({"alg": "RS256", "typ": "at+jwt", "kid": "1"}));
        assert!(Jws::parse(&good).is_some());
        for bad in [
            String::new(),
            "a".into(),
            "a.b".into(),
            format!("{good}.{good}"),
            format!("{good}="),
            good.replace('.', ""),
        ] {
            assert!(Jws::parse(&bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[A-Za-z0-9._=-]{0,120}") {
            let _ = Jws::parse(&text);
        }

        #[test]
        fn no_header_makes_it_panic(header in "\\PC{0,60}") {
            let text = format!("{}.e30.e30", BASE64_URL_SAFE_NO_PAD.encode(header));
            prop_assert!(Jws::parse(&text).is_none());
        }
    }
}
