//! What the API and the worker have in common: the words of the domain, the settings, the connection to Redis and
//! the queue. It knows neither HTTP routes nor upstream services.

pub mod approval;
pub mod cli;
pub mod clock;
pub mod config;
pub mod failpoint;
pub mod gate;
pub mod health;
pub mod ids;
pub mod job;
pub mod limits;
pub mod message;
pub mod otp;
pub mod outcome;
pub mod person;
pub mod phone;
pub mod queue;
pub mod receipt;
pub mod redis;
pub mod shutdown;
pub mod telemetry;
pub mod tls;
