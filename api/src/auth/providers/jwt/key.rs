//! A key of the issuer (RFC 7517), and which tokens it may verify.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};

use super::header::Header;

/// Shortest modulus of an RSA key, in bytes: shorter keys are ignored (RFC 7518, 3.3).
const RSA_MINIMUM: usize = 256;

/// A public key that verifies signatures.
pub(super) struct Key {
    /// Its name, if it has one.
    id: Option<String>,
    /// Its only algorithm, if it or its curve determines one.
    only: Option<Algorithm>,
    /// The key in the library's form.
    pub(super) material: DecodingKey,
}

impl Key {
    /// Parses a member of `keys`. `None` for a key that cannot verify our tokens: issuers publish such keys for other
    /// uses.
    pub(super) fn read(jwk: serde_json::Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        let is_for_signatures =
            jwk.common.public_key_use.as_ref().is_none_or(|r#use| *r#use == PublicKeyUse::Signature);
        let verifies = jwk
            .common
            .key_operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        if !is_for_signatures || !verifies {
            return None;
        }
        let stated = match jwk.common.key_algorithm {
            Some(algorithm) => Some(Algorithm::try_from(algorithm).ok()?),
            None => None,
        };
        let (material, of_curve) = material(&jwk)?;
        let agrees = stated.is_none_or(|stated| {
            stated.family() == material.family() && of_curve.is_none_or(|of_curve| of_curve == stated)
        });
        agrees.then(|| Self { id: jwk.common.key_id, only: stated.or(of_curve), material })
    }

    /// Whether it may verify a token with this header: by name, type of key and algorithm. A token that names no key
    /// matches keys without a name.
    pub(super) fn fits(&self, header: &Header) -> bool {
        self.id == header.kid
            && self.material.family() == header.alg.family()
            && self.only.is_none_or(|only| only == header.alg)
    }
}

/// The key itself, and the only algorithm of its curve. Checked here because the library takes coordinates of any
/// length.
fn material(jwk: &Jwk) -> Option<(DecodingKey, Option<Algorithm>)> {
    let of_curve = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => None,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Some(Algorithm::ES256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => Some(Algorithm::ES384),
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            Some(Algorithm::EdDSA)
        }
        _ => return None,
    };
    let key = without_zeros(DecodingKey::from_jwk(jwk).ok()?);
    let has_its_length = match (key.kind(), of_curve) {
        (DecodingKeyKind::RsaModulusExponent { n, e }, None) => n.len() >= RSA_MINIMUM && !e.is_empty(),
        (DecodingKeyKind::SecretOrDer(point), Some(Algorithm::ES256)) => point.len() == 1 + 2 * 32,
        (DecodingKeyKind::SecretOrDer(point), Some(Algorithm::ES384)) => point.len() == 1 + 2 * 48,
        (DecodingKeyKind::SecretOrDer(point), Some(_)) => point.len() == 32,
        _ => false,
    };
    has_its_length.then_some((key, of_curve))
}

/// Some issuers put zeros before the numbers of an RSA key, which the cryptography provider rejects.
fn without_zeros(key: DecodingKey) -> DecodingKey {
    let trimmed = |number: &[u8]| {
        let first = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
        number[first..].to_vec()
    };
    match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, e } => {
            DecodingKey::from_rsa_raw_components(&trimmed(n), &trimmed(e))
        }
        DecodingKeyKind::SecretOrDer(_) => key,
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    use super::*;

    fn bytes(length: usize) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(vec![0x81; length])
    }

    fn changed(mut jwk: Value, name: &str, value: &Value) -> Option<Key> {
        jwk[name] = value.clone();
        Key::read(jwk)
    }

    fn rsa() -> Value {
        json!({"kty": "RSA", "kid": "1", "n": bytes(256), "e": "AQAB"})
    }

    fn ec() -> Value {
        json!({"kty": "EC", "crv": "P-256", "kid": "1", "x": bytes(32), "y": bytes(32)})
    }

    fn okp() -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": bytes(32)})
    }

    fn header(alg: &str, kid: Option<&str>) -> Header {
        let header = json!({"alg": alg, "typ": "at+jwt", "kid": kid}).to_string();
        Header::read(&format!("{}.e30.e30", BASE64_URL_SAFE_NO_PAD.encode(header))).unwrap()
    }

    #[test]
    fn a_key_fits_by_name_type_and_algorithm() {
        let keys = [rsa(), ec(), okp()].map(|jwk| Key::read(jwk).unwrap());
        let fitting = |alg, kid| keys.each_ref().map(|key| key.fits(&header(alg, kid)));
        assert_eq!(fitting("RS256", Some("1")), [true, false, false]);
        assert_eq!(fitting("PS512", Some("1")), [true, false, false]);
        assert_eq!(fitting("ES256", Some("1")), [false, true, false]);
        assert_eq!(fitting("ES384", Some("1")), [false; 3]);
        assert_eq!(fitting("EdDSA", Some("1")), [false, false, true]);
        assert_eq!((fitting("RS256", Some("2")), fitting("RS256", None)), ([false; 3], [false; 3]));
        let only = changed(rsa(), "alg", &json!("PS256")).unwrap();
        assert!(only.fits(&header("PS256", Some("1"))) && !only.fits(&header("RS256", Some("1"))));
    }

    #[test]
    fn a_key_without_a_name_is_for_tokens_that_name_none() {
        let nameless = changed(rsa(), "kid", &Value::Null).unwrap();
        assert!(nameless.fits(&header("RS256", None)) && !nameless.fits(&header("RS256", Some("1"))));
    }

    #[test]
    fn use_and_operations_are_honoured() {
        for (name, good) in [("use", json!("sig")), ("key_ops", json!(["sign", "verify"]))] {
            assert!(changed(rsa(), name, &good).is_some(), "{name}: {good}");
        }
        for (name, other) in [
            ("use", json!("enc")),
            ("key_ops", json!([])),
            ("key_ops", json!(["sign"])),
            ("key_ops", json!(["encrypt", "wrapKey"])),
            ("key_ops", json!("verify")),
        ] {
            assert!(changed(rsa(), name, &other).is_none(), "{name}: {other}");
        }
    }

    #[test]
    fn keys_for_anything_else_are_passed_over() {
        for (jwk, name, value) in [
            (rsa(), "alg", json!("HS256")),
            (rsa(), "alg", json!("RSA-OAEP")),
            (rsa(), "alg", json!("ES256")),
            (rsa(), "kty", json!("oct")),
            (rsa(), "kty", json!("EC")),
            (rsa(), "n", json!("")),
            (rsa(), "n", json!(bytes(255))),
            (rsa(), "e", json!("not base64!")),
            (ec(), "alg", json!("ES384")),
            (ec(), "crv", json!("P-521")),
            (ec(), "crv", json!("P-384")),
            (ec(), "x", json!(bytes(31))),
            (okp(), "x", json!(bytes(31))),
            (okp(), "crv", json!("X25519")),
        ] {
            assert!(changed(jwk, name, &value).is_none(), "{name}: {value}");
        }
        let secret = json!({"kty": "oct", "kid": "1", "k": bytes(32), "alg": "HS256"});
        assert!(Key::read(secret).is_none());
    }
}
