//! Stands in for all services that this one calls (token introspection, the registry of persons and approvals, the
//! platform's OTP service and an SMS gateway) over real sockets, with an inbox of sent messages and faults to inject.
//! It uses none of the service's code, because it plays a foreign system.

mod bulk;
mod calls;
mod connection;
mod control;
mod fault_routes;
mod faults;
mod inbox;
mod inbox_routes;
mod intercept;
mod introspection;
mod jwks;
mod jwks_routes;
mod ledger;
mod message;
mod misbehave;
mod mithril;
mod otp;
mod pages;
mod people;
mod refusal;
mod registry;
mod routes;
mod running;
pub mod scenarios;
mod search;
mod sent_keys;
mod server;
mod sms;
mod state;
mod target;
mod tokens;
mod turbosms;
mod twilio;
mod verification;

pub use message::Message;
pub use pages::environment;
pub use running::{Running, start};
pub use server::serve;
pub use state::Options;
pub use target::Target;
