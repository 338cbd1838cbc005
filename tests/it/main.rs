//! Integration tests, over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails, also in its helpers"
)]

mod abuse;
mod acceptance;
mod answers;
mod channels;
mod codes;
mod ctl;
mod deploy;
mod flood;
mod gathering;
mod incident;
mod layers;
mod limits;
mod local;
mod malformed;
mod metrics;
mod outcomes;
mod ownership;
mod polling;
mod predictions;
mod protection;
mod public_client;
mod queue;
mod sandbox;
mod security;
mod send_guard;
mod send_rate;
mod settings;
mod spec;
mod test_queue;
mod tokens;
mod topologies;
mod traces;
mod waiting;
