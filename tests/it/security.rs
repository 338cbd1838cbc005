//! The table of what is held against abuse names tests that exist.

#[test]
fn every_row_of_the_security_table_names_tests_there_are() {
    crate::answers::table::assert_tests_exist(include_str!("SECURITY.md"));
}
