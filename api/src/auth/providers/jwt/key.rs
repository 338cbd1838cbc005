//! A key of the issuer (RFC 7517), and what it is good for: signatures under four asymmetric algorithms, nothing else.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

/// Algorithms that are allowed. Neither `none` nor one with a shared secret is among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

/// A public key.
pub(super) struct Key {
    /// Its name.
    pub(super) id: String,
    /// The one algorithm it is for, where it says so.
    algorithm: Option<Algorithm>,
    material: Material,
}

enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// A key as it is published.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: String,
    #[serde(rename = "use", default)]
    purpose: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
}

impl Algorithm {
    /// The algorithm of this name (RFC 7518, 3.1; RFC 8037, 3.1; RFC 9864, 2.2).
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "PS256" => Self::Ps256,
            "ES256" => Self::Es256,
            "EdDSA" | "Ed25519" => Self::EdDsa,
            _ => return None,
        })
    }
}

impl Key {
    /// Reads a member of `keys`. `None` for a key that signs nothing we take.
    pub(super) fn read(jwk: serde_json::Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        if jwk.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let algorithm = match jwk.alg.as_deref() {
            Some(name) => Some(Algorithm::named(name)?),
            None => None,
        };
        Some(Self { algorithm, material: Material::read(&jwk)?, id: jwk.kid })
    }

    /// Whether this key signed that message so.
    pub(super) fn signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if self.algorithm.is_some_and(|own| own != algorithm) {
            return false;
        }
        let verified = match (algorithm, &self.material) {
            (Algorithm::Rs256, Material::Rsa { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            (Algorithm::Ps256, Material::Rsa { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PSS_2048_8192_SHA256, message, signature)
            }
            (Algorithm::Es256, Material::P256(point)) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            (Algorithm::EdDsa, Material::Ed25519(point)) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature)
            }
            _ => return false,
        };
        verified.is_ok()
    }
}

impl Material {
    fn read(jwk: &Jwk) -> Option<Self> {
        Some(match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => Self::Rsa { n: number(jwk.n.as_ref())?, e: number(jwk.e.as_ref())? },
            ("EC", Some("P-256")) => {
                let (x, y) = (coordinate(jwk.x.as_ref())?, coordinate(jwk.y.as_ref())?);
                // An uncompressed point (SEC 1, 2.3.3).
                Self::P256([&[4], &x[..], &y[..]].concat())
            }
            ("OKP", Some("Ed25519")) => Self::Ed25519(coordinate(jwk.x.as_ref())?),
            _ => return None,
        })
    }
}

fn bytes(text: Option<&String>) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text?).ok()
}

/// A number without the zeros some issuers put before it.
fn number(text: Option<&String>) -> Option<Vec<u8>> {
    let bytes = bytes(text)?;
    let first = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[first..].to_vec())
}

/// A coordinate of a curve over 256 bits.
fn coordinate(text: Option<&String>) -> Option<Vec<u8>> {
    bytes(text).filter(|bytes| bytes.len() == 32)
}

#[cfg(test)]
mod tests;
