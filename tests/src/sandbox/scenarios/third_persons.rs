//! Somebody else confirms for the person: as the default method, and in MPI's shape.

use super::{
    Scenario,
    draft::{Draft, in_days},
    ids::{masked, phone},
    method::{ended_at, otp, third_person, third_person_of_mpi},
    refused_methods::NOT_ALLOWED,
};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Draft::new(51, "third-person-default", "a child: the third person's OTP is the default method")
            .methods([third_person(51, "OTP")])
            .urgent("THIRD_PERSON", Some(&phone(51)))
            .method("THIRD_PERSON with OTP")
            .sent(),
        Draft::new(100, "third-person-default-masked", "the same in MPI's shape, with the number masked")
            .methods([third_person_of_mpi(100, "OTP")])
            .urgent("THIRD_PERSON", Some(&masked(100)))
            .method("THIRD_PERSON with OTP, as a reference")
            .sent(),
        Draft::new(101, "third-person-authorized-mpi", "authorize_with names a third person in MPI's shape")
            .authorized_with(third_person_of_mpi(101, "OTP"))
            .method("authorize_with → THIRD_PERSON with OTP, as a reference")
            .sent(),
        Draft::new(102, "third-person-default-offline", "the third person's own method takes no code")
            .methods([third_person_of_mpi(102, "OFFLINE")])
            .urgent("THIRD_PERSON", Some(&phone(102)))
            .method("THIRD_PERSON with OFFLINE")
            .conflict(NOT_ALLOWED),
        Draft::new(103, "third-person-default-ended", "the third person's method has ended")
            .methods([otp(103), ended_at(third_person(113, "OTP"), in_days(-1))])
            .urgent("THIRD_PERSON", Some(&phone(103)))
            .method("THIRD_PERSON with OTP, ended")
            .conflict(NOT_ALLOWED),
    ]
}
