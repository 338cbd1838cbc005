//! The code that API and worker share. It knows neither HTTP routes nor upstream services.

pub mod domain;
pub mod queue;
pub mod redis;
pub mod runtime;
pub mod sending;
pub mod settings;
pub mod telemetry;
