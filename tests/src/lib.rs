//! What the tests that cross a seam share: real processes, a Redis of one's own, a client, and the sandbox, which
//! stands in for everything the service talks to.

// A failed expectation in the harness is a failed test, and says so best by a panic at its place.
#![allow(clippy::expect_used)]

pub mod capacity;
pub mod chaos;
pub mod client;
pub mod eventually;
pub mod incident;
pub mod keys;
pub mod local;
pub mod openapi;
pub mod process;
pub mod redis_cluster;
pub mod redis_sentinels;
pub mod redis_server;
pub mod sandbox;
pub mod smsc;
pub mod stack;
pub mod temp_dir;
