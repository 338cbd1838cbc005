//! Tokens signed here under every kind of key, taken or refused.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    RsaKeyPair,
};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, encode};
use serde_json::{Value, json};

use super::claims::Claims;
use super::header::Header;
use super::key::Key;
use super::*;

const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Bytes before the PKCS #1 structure, which the library wants, in the PKCS #8 structure of a key of 2,048 bits.
const PKCS8_HEAD: usize = 26;

/// A new key for this algorithm.
fn signing_key(algorithm: Algorithm) -> EncodingKey {
    let ec = |curve| EcdsaKeyPair::generate(curve).unwrap().to_pkcs8v1().unwrap().as_ref().to_vec();
    match algorithm {
        Algorithm::ES256 => EncodingKey::from_ec_der(&ec(&ECDSA_P256_SHA256_FIXED_SIGNING)),
        Algorithm::ES384 => EncodingKey::from_ec_der(&ec(&ECDSA_P384_SHA384_FIXED_SIGNING)),
        Algorithm::EdDSA => {
            EncodingKey::from_ed_der(Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap().as_ref())
        }
        _ => {
            let pkcs8 = RsaKeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap();
            EncodingKey::from_rsa_der(&pkcs8.as_ref()[PKCS8_HEAD..])
        }
    }
}

fn published(key: &EncodingKey, algorithm: Algorithm) -> Key {
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(key, algorithm).unwrap()).unwrap();
    jwk.as_object_mut().unwrap().remove("alg");
    Key::read(jwk).unwrap()
}

fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": "https://issuer", "aud": ["resend", "another"], "sub": "u", "client_id": "mis-a", "jti": "1",
        "exp": 4_102_444_800_u64, "iat": 1_500_000_000, "scope": "job:read",
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn token(key: &EncodingKey, algorithm: Algorithm, claims: &Value) -> String {
    let mut header = jsonwebtoken::Header::new(algorithm);
    header.typ = Some("at+jwt".to_owned());
    encode(&header, claims, key).unwrap()
}

/// Whether this token, whose header names this algorithm, is taken under this key.
fn taken(token: &str, key: &Key) -> bool {
    let header = Header::read(token).unwrap();
    let validation = Validation { algorithms: vec![header.alg], ..validation("https://issuer", "resend") };
    key.fits(&header) && decode::<Claims>(token, &key.material, &validation).is_ok()
}

#[test]
fn every_asymmetric_algorithm_is_verified_and_only_by_its_own_key() {
    for algorithm in ALGORITHMS {
        let (own, other) = (signing_key(algorithm), signing_key(algorithm));
        let token = token(&own, algorithm, &claims(&json!({})));
        assert!(taken(&token, &published(&own, algorithm)), "{algorithm:?}");
        assert!(!taken(&token, &published(&other, algorithm)), "{algorithm:?}");
    }
}

#[test]
fn a_token_that_was_changed_is_refused() {
    let own = signing_key(Algorithm::ES256);
    let (key, good) = (published(&own, Algorithm::ES256), token(&own, Algorithm::ES256, &claims(&json!({}))));
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
    let other =
        token(&signing_key(Algorithm::ES256), Algorithm::ES256, &claims(&json!({"client_id": "mis-b"})));
    let other_payload = other.split('.').nth(1).unwrap();
    for bad in [
        format!("{header}.{other_payload}.{signature}"),
        format!("{header}.{payload}."),
        format!("{header}.{payload}"),
        format!("{good}."),
        format!("{good}="),
        format!("{good}.{signature}"),
    ] {
        assert!(!taken(&bad, &key), "{bad}");
    }
}

#[test]
fn the_issuer_and_the_audience_are_held() {
    let own = signing_key(Algorithm::EdDSA);
    let key = published(&own, Algorithm::EdDSA);
    let with = |changes: &Value| taken(&token(&own, Algorithm::EdDSA, &claims(changes)), &key);
    assert!(with(&json!({"aud": "resend"})) && with(&json!({"aud": ["a", "resend"]})));
    for bad in [
        json!({"iss": "https://issuer/"}),
        json!({"iss": null}),
        json!({"iss": ["https://issuer"]}),
        json!({"aud": "resend2"}),
        json!({"aud": null}),
        json!({"aud": []}),
        json!({"aud": ["a"]}),
        json!({"sub": null}),
    ] {
        assert!(!with(&bad), "{bad}");
    }
}

#[test]
fn a_modulus_with_a_zero_before_it_is_the_same_key() {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    let own = signing_key(Algorithm::RS256);
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&own, Algorithm::RS256).unwrap()).unwrap();
    let modulus = BASE64_URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    jwk["n"] = json!(BASE64_URL_SAFE_NO_PAD.encode([&[0], &modulus[..]].concat()));
    assert!(taken(&token(&own, Algorithm::RS256, &claims(&json!({}))), &Key::read(jwk).unwrap()));
}
