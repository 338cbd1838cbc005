//! Keys, with signatures of published vectors and of keys made here.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::*;

/// RFC 7515, A.2.
const RSA_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const RSA_SIGNED: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const RSA_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

fn base64(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn decoded(text: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
}

fn rsa(changes: &[(&str, Value)]) -> Option<Key> {
    let mut jwk = json!({"kty": "RSA", "kid": "1", "n": RSA_N, "e": "AQAB"});
    for (name, value) in changes {
        jwk[*name] = value.clone();
    }
    Key::read(jwk)
}

#[test]
fn an_rsa_signature_of_rfc_7515_is_verified() {
    let (message, signature) = (RSA_SIGNED.as_bytes(), decoded(RSA_SIGNATURE));
    let padded = base64(&[&[0], &decoded(RSA_N)[..]].concat());
    for key in
        [rsa(&[]), rsa(&[("alg", json!("RS256")), ("use", json!("sig"))]), rsa(&[("n", json!(padded))])]
    {
        assert!(key.unwrap().signed(Algorithm::Rs256, message, &signature));
    }
    let key = rsa(&[]).unwrap();
    assert!(!key.signed(Algorithm::Rs256, b"another", &signature));
    assert!(!key.signed(Algorithm::Ps256, message, &signature));
    assert!(!key.signed(Algorithm::Rs256, message, b""));
    assert!(!rsa(&[("alg", json!("PS256"))]).unwrap().signed(Algorithm::Rs256, message, &signature));
}

#[test]
fn signatures_over_curves_are_verified_each_by_its_own_algorithm() {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let ec = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
    let point = ec.public_key().as_ref();
    let p256 = json!({"kty": "EC", "crv": "P-256", "kid": "2", "x": base64(&point[1..33]), "y": base64(&point[33..])});
    let curve_signature = ec.sign(&random, b"message").unwrap();

    let ed = Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref()).unwrap();
    let okp = json!({"kty": "OKP", "crv": "Ed25519", "kid": "3", "x": base64(ed.public_key().as_ref())});
    let edwards_signature = ed.sign(b"message");

    let (p256, okp) = (Key::read(p256).unwrap(), Key::read(okp).unwrap());
    assert!(p256.signed(Algorithm::Es256, b"message", curve_signature.as_ref()));
    assert!(okp.signed(Algorithm::EdDsa, b"message", edwards_signature.as_ref()));
    for (key, algorithm, signature) in [
        (&p256, Algorithm::EdDsa, edwards_signature.as_ref()),
        (&p256, Algorithm::Es256, edwards_signature.as_ref()),
        (&okp, Algorithm::Es256, curve_signature.as_ref()),
        (&okp, Algorithm::EdDsa, curve_signature.as_ref()),
        (&okp, Algorithm::Rs256, edwards_signature.as_ref()),
    ] {
        assert!(!key.signed(algorithm, b"message", signature));
    }
}

#[test]
fn keys_for_anything_else_are_passed_over() {
    for (name, value) in [
        ("use", json!("enc")),
        ("alg", json!("HS256")),
        ("alg", json!("RSA-OAEP")),
        ("kty", json!("oct")),
        ("kty", json!("EC")),
        ("kid", Value::Null),
        ("n", json!("")),
        ("n", json!("AAAA")),
        ("e", json!("not base64!")),
    ] {
        assert!(rsa(&[(name, value.clone())]).is_none(), "{name}: {value}");
    }
    let short = json!({"kty": "OKP", "crv": "Ed25519", "kid": "3", "x": "AAAA"});
    assert!(Key::read(short).is_none());
}

#[test]
fn a_key_too_short_to_be_trusted_verifies_nothing() {
    let short = rsa(&[("n", json!(base64(&[0x81; 128])))]).unwrap();
    assert!(!short.signed(Algorithm::Rs256, RSA_SIGNED.as_bytes(), &decoded(RSA_SIGNATURE)));
}
