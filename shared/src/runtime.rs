//! What every program needs to run: waits between attempts, its command line, health routes, shutdown signals, the service manager, TLS, a clock
//! that also runs through suspends, and fail points for tests.

pub mod backoff;
pub mod boot_time;
pub mod cli;
pub mod crash;
pub mod fail_point;
pub mod health;
pub mod http;
pub mod process_name;
pub mod service_manager;
pub mod shutdown;
pub mod tls;
