//! What the tests that cross a seam share: the sandbox, which stands in for everything the service talks to.

pub mod sandbox;
