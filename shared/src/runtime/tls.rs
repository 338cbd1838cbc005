//! The one place that chooses the cryptography behind TLS, for Redis and for upstream calls alike.

/// Makes aws-lc-rs the process' provider. Called once by every program before its first connection; a second call
/// changes nothing.
pub fn install_crypto_provider() {
    // The second call's error is the installed provider, which is the same one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
