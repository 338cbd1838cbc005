//! Ways a code goes out, through real processes.

mod otp_service;
