//! Routes under `/api/patients/{patient_id}/approvals`.

mod body;
mod resend;

pub(crate) use resend::resend;
