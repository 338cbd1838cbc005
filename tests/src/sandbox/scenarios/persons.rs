//! Refused for the person.

use super::{Scenario, Words, draft::Draft};

const MISSING: Words = ("person_not_found", "Person not found");
const NOT_ACTIVE: Words = ("person_inactive", "Person is not active");

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Draft::new(10, "person-missing", "the registry does not know the person, though it has the approval")
            .without_person()
            .not_found(MISSING),
        Draft::new(11, "person-and-approval-missing", "the registry knows neither")
            .without_person()
            .without_approval()
            .not_found(MISSING),
        Draft::new(12, "person-inactive", "status inactive")
            .person("status", "inactive")
            .conflict(NOT_ACTIVE),
        Draft::new(13, "person-switched-off", "status active, but is_active false")
            .person("is_active", false)
            .conflict(NOT_ACTIVE),
    ]
}
