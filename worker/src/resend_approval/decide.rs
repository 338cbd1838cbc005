//! Steps 1 to 5: the rules, each a pure function of the registry's answers.

mod phone;

use chrono::{DateTime, Utc};
use shared::domain::approval::Approval;
use shared::domain::message::Message;
use shared::domain::outcome::Refusal;
use shared::domain::person::{AuthenticationMethod, Person};
use shared::domain::phone::PhoneNumber;

use crate::config::Countries;

pub(super) use phone::{Phone, PhoneUnusable, phone};

/// Largest result, in bytes of JSON. Redis keeps it for a day, and every poll carries it.
const RESULT_LIMIT: usize = 256 * 1024;

/// Step 1.
pub(super) fn person_is_active(person: &Person) -> Result<(), Refusal> {
    holds(person.is_active, Refusal::PersonInactive)
}

/// Step 2: the answer is about the requested approval and patient. The registry is not trusted to ensure this.
pub(super) fn approval_is_the_patients(approval: &Approval, job: &Message) -> Result<(), Refusal> {
    let same = approval.id() == job.approval.0 && approval.patient_id() == job.patient.0;
    holds(same, Refusal::ApprovalNotFound)
}

/// Step 3.
pub(super) fn approval_is_open(approval: &Approval, now: DateTime<Utc>) -> Result<(), Refusal> {
    match approval.closed_as(now) {
        None => Ok(()),
        Some(status) => Err(Refusal::ApprovalClosed { status: status.to_owned() }),
    }
}

/// Step 4: the methods that the code may be sent for. With `authorize_with`, the one it names; else those of the kind
/// recorded on creation. There may be none for `OTP`, where the recorded kind alone decides.
pub(super) fn otp_methods<'a>(
    person: &'a Person,
    approval: &Approval,
    now: DateTime<Utc>,
) -> Result<Vec<&'a AuthenticationMethod>, Refusal> {
    use shared::domain::person::MethodKind::{Offline, Other, Otp, ThirdPerson};
    if let Some(id) = approval.authorize_with() {
        let method = person.method(id).filter(|method| method.is_in_force(now));
        let method = method.ok_or(Refusal::MethodUnusable)?;
        return if method.is_otp() { Ok(vec![method]) } else { Err(Refusal::MethodNotOtp) };
    }
    let methods = person.otp_methods(approval.method(), now);
    match approval.method() {
        Otp => Ok(methods),
        ThirdPerson if !methods.is_empty() => Ok(methods),
        ThirdPerson | Offline | Other => Err(Refusal::MethodNotOtp),
    }
}

/// Step 5.
pub(super) fn country_is_allowed(phone: &PhoneNumber, countries: &Countries) -> Result<(), Refusal> {
    holds(countries.allow(phone), Refusal::CountryNotAllowed)
}

/// Before step 6: a result that is too large to store must be found before the message is sent.
pub(super) fn result_fits(result: &str) -> Result<(), Refusal> {
    holds(result.len() <= RESULT_LIMIT, Refusal::ApprovalTooLarge)
}

fn holds(rule: bool, refusal: Refusal) -> Result<(), Refusal> {
    if rule { Ok(()) } else { Err(refusal) }
}

#[cfg(test)]
mod tests;
