//! Stands in for everything the service talks to — token introspection, the registry of persons and
//! approvals, the platform's OTP service and an SMS gateway — over real sockets, with an inbox of what was
//! sent and faults to inject. It knows nothing of the service's code: it is a foreign system on purpose.

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
