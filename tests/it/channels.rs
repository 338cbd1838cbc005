//! Ways a code goes out, through real processes.

mod dialects;
mod fallback;
mod otp_service;
