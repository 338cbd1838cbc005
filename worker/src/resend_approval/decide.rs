//! Steps 1 to 5: the rules, each a pure function of what the registry gave.

use chrono::{DateTime, Utc};
use shared::domain::approval::Approval;
use shared::domain::message::Message;
use shared::domain::outcome::{Reason, Refusal};
use shared::domain::person::{AuthenticationMethod, MethodKind, Person};
use shared::domain::phone::PhoneNumber;
use shared::telemetry::metric;

use crate::config::Countries;

/// Step 1.
pub(super) fn person_is_active(person: &Person) -> Result<(), Refusal> {
    holds(person.is_active(), Refusal::PersonInactive)
}

/// Step 2: the answer is about the approval and the patient that were asked for. The registry is not trusted with this.
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

/// Step 4: the method chosen on creation, else the kind noted then.
pub(super) fn method_is_otp(person: &Person, approval: &Approval, now: DateTime<Utc>) -> Result<(), Refusal> {
    let is_otp = match approval.authorize_with() {
        Some(id) => method_in_force(person, id, now)?.is_otp(),
        None => approval.method() == MethodKind::Otp,
    };
    holds(is_otp, Refusal::MethodNotOtp)
}

/// Step 4: an approval without a number that can be sent to is not one an SMS is sent for.
pub(super) fn phone(approval: &Approval) -> Result<PhoneNumber, Refusal> {
    approval.phone_number().ok_or(Refusal::MethodNotOtp)
}

/// Step 5.
pub(super) fn country_is_allowed(phone: &PhoneNumber, countries: &Countries) -> Result<(), Refusal> {
    let is_allowed = countries.allow(phone);
    if !is_allowed {
        metrics::counter!(metric::LIMIT_HITS, "limit" => Reason::CountryNotAllowed.as_str()).increment(1);
    }
    holds(is_allowed, Refusal::CountryNotAllowed)
}

fn method_in_force<'a>(
    person: &'a Person,
    id: &str,
    now: DateTime<Utc>,
) -> Result<&'a AuthenticationMethod, Refusal> {
    let mut methods = person.authentication_methods.iter();
    let method = methods.find(|method| method.id.as_deref().is_some_and(|its| its.eq_ignore_ascii_case(id)));
    method.filter(|method| method.is_in_force(now)).ok_or(Refusal::MethodUnusable)
}

fn holds(rule: bool, refusal: Refusal) -> Result<(), Refusal> {
    if rule { Ok(()) } else { Err(refusal) }
}

#[cfg(test)]
mod tests;
