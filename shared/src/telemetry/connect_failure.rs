//! Why a connection failed, for the log.

use std::error::Error;

/// The root cause of a failed connection: `invalid peer certificate: UnknownIssuer`, `Connection refused`. The errors
/// that wrap it only say that something was sent, and may contain the URL, which may hold a secret.
pub fn connect_failure(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use std::io;

    use rustls::{CertificateError, Error as TlsError};

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("error sending request")]
    struct Wrapped(#[source] io::Error);

    #[test]
    fn the_cause_of_a_failed_handshake_is_named() {
        let unknown = TlsError::InvalidCertificate(CertificateError::UnknownIssuer);
        let error = Wrapped(io::Error::new(io::ErrorKind::InvalidData, unknown));
        assert_eq!(connect_failure(&error), "invalid peer certificate: UnknownIssuer");
        let refused = Wrapped(io::Error::from(io::ErrorKind::ConnectionRefused));
        assert_eq!(connect_failure(&refused), "connection refused");
    }
}
