//! The channels of a code, through real processes.

mod dialects;
mod fallback;
mod otp_service;
mod smpp;
mod smsc_faults;

#[test]
fn every_row_of_the_error_tables_names_tests_there_are() {
    crate::answers::table::assert_tests_exist(include_str!("channels/ERRORS.md"));
}
