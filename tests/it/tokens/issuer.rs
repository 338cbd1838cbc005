//! An issuer of signed tokens, made for a test.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// `iss` of its tokens.
pub(super) const ISSUER: &str = "https://issuer.example";

/// `aud` of its tokens.
pub(super) const AUDIENCE: &str = "resend";

/// An issuer with one key.
pub(super) struct Issuer {
    key: Ed25519KeyPair,
    key_id: Option<&'static str>,
}

impl Issuer {
    pub(super) fn new(key_id: impl Into<Option<&'static str>>) -> Self {
        Self { key: Ed25519KeyPair::generate().unwrap(), key_id: key_id.into() }
    }

    /// Its key set.
    pub(super) fn keys(&self) -> Value {
        json!({"keys": [self.key()]})
    }

    /// Its key as a member of a set.
    pub(super) fn key(&self) -> Value {
        let x = encode(self.key.public_key().as_ref());
        let mut key = json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "x": x});
        if let Some(id) = self.key_id {
            key["kid"] = json!(id);
        }
        key
    }

    /// A valid token with these claims changed.
    pub(super) fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({}), claims)
    }

    /// The same with these members of the header changed.
    pub(super) fn token_with(&self, header: &Value, claims: &Value) -> String {
        let mut whole = json!({"alg": "EdDSA", "typ": "at+jwt"});
        if let Some(id) = self.key_id {
            whole["kid"] = json!(id);
        }
        change(&mut whole, header);
        let signed =
            format!("{}.{}", encode(whole.to_string().as_bytes()), encode(claimed(claims).as_bytes()));
        let signature = encode(self.key.sign(signed.as_bytes()).as_ref());
        format!("{signed}.{signature}")
    }

    /// A token without its signature.
    pub(super) fn unsigned(&self, claims: &Value) -> String {
        let token = self.token_with(&json!({"alg": "none"}), claims);
        token[..=token.rfind('.').unwrap()].to_owned()
    }
}

fn claimed(changes: &Value) -> String {
    let mut claims = json!({
        "iss": ISSUER, "aud": [AUDIENCE, "another"], "sub": "user", "client_id": "mis-a", "jti": "1",
        "iat": 1_500_000_000, "exp": 4_102_444_800_u64, "scope": "approval:create job:read",
    });
    change(&mut claims, changes);
    claims.to_string()
}

fn change(whole: &mut Value, changes: &Value) {
    for (name, value) in changes.as_object().unwrap() {
        whole[name] = value.clone();
    }
}

fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
