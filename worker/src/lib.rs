//! The worker: takes jobs from the queue, looks up the person and the approval, decides, sends the SMS with the code,
//! and records how the job ended. It serves no clients; they read results through the API.

pub mod admin;
pub mod code_sender;
pub mod config;
pub mod context;
pub mod message_text;
pub mod open_outcomes;
pub mod ops;
pub mod otp_service;
pub mod registry;
pub mod reporter;
pub mod resend_approval;
pub mod retry;
pub mod runner;
pub mod sms;
pub mod upstream;

#[cfg(test)]
mod testing;
