//! Routes under `/api/patients/{patient_id}/approvals`.

mod body;
mod resend;
mod sync;

pub(crate) use resend::{__path_resend, resend};
