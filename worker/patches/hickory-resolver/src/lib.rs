//! Stands in for hickory-resolver. rusmppc depends on it for `ConnectionBuilder::connect`, in every build; this project
//! opens its connections itself (`ConnectionBuilder::connected`), so the resolver, its DNS protocol with a known fault and
//! the 20 crates they bring would be compiled for nothing. Whoever calls it is told so. To be removed once rusmppc makes
//! the resolver a feature.

use std::fmt;
use std::net::IpAddr;

/// What there is instead of a resolver.
pub struct TokioResolver;

/// Builds one.
pub struct Builder;

/// Why no name is resolved.
#[derive(Debug)]
pub struct NotHere;

impl fmt::Display for NotHere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this build resolves no names here")
    }
}

impl std::error::Error for NotHere {}

impl TokioResolver {
    /// A builder.
    pub fn builder_tokio() -> Result<Builder, NotHere> {
        Ok(Builder)
    }

    /// Resolves nothing.
    pub async fn lookup_ip(&self, _host: &str) -> Result<Vec<IpAddr>, NotHere> {
        Err(NotHere)
    }
}

impl Builder {
    /// The resolver that resolves nothing.
    pub fn build(self) -> TokioResolver {
        TokioResolver
    }
}
