//! One module for each `RESEND_AUTH_MODE`.

mod gateway;
mod introspection;
mod jwt;
mod mithril;

pub(super) use gateway::principal as gateway_principal;
pub(super) use introspection::Introspection;
pub(super) use jwt::Jwt;
pub(super) use mithril::Mithril;
