//! What every program needs to run: its command line, health routes, shutdown signals, the service manager, TLS, and fail points for tests.

pub mod cli;
pub mod fail_point;
pub mod health;
pub mod service_manager;
pub mod shutdown;
pub mod tls;
