//! `phone show` and `phone unlock`: what delays messages to a phone, or checks of its codes.

use serde::Serialize;
use shared::domain::clock;
use shared::domain::phone::PhoneNumber;
use shared::queue::Queue;
use shared::sending::phone_names::PhoneNames;
use shared::sending::phones::{CodeStatus, Phones};
use shared::settings::{MessageLimits, Settings};
use worker::config::phone_secrets;

use super::confirm::confirm;
use super::exit::CtlError;
use super::operator;
use super::output::{Output, table};

/// A phone for programs; times are ISO 8601.
#[derive(Serialize)]
struct Phone {
    number: String,
    sent_hour: u64,
    sent_day: u64,
    next_message_at: Option<String>,
    failed_checks_hour: u64,
    locked_until: Option<String>,
    codes: Vec<Code>,
}

/// One of its codes, without the code itself.
#[derive(Serialize)]
struct Code {
    job: String,
    offered_at: String,
    taken_at: Option<String>,
    guesses: u64,
    used: bool,
}

/// Shows its limits, its lock and its last codes.
pub(super) async fn show(
    queue: &Queue,
    settings: &Settings,
    phone: &PhoneNumber,
    output: Output,
) -> Result<(), CtlError> {
    let status = phones(queue, settings)?.show(phone).await?;
    let answer = Phone {
        number: phone.masked().clone(),
        sent_hour: status.sent_hour,
        sent_day: status.sent_day,
        next_message_at: status.next_message_ms.map(clock::iso),
        failed_checks_hour: status.failed,
        locked_until: status.locked_until_ms.map(clock::iso),
        codes: status.codes.into_iter().map(code).collect(),
    };
    output.answer(&answer, || words(&answer))
}

/// Deletes its failed checks.
pub(super) async fn unlock(
    queue: &Queue,
    settings: &Settings,
    (phone, because, yes): (&PhoneNumber, &str, bool),
    output: Output,
) -> Result<(), CtlError> {
    let masked = phone.masked();
    confirm(
        &format!("Failed checks of {masked} will be forgotten: its codes can be guessed again. Unlock?"),
        yes,
    )?;
    let phones = phones(queue, settings)?;
    let forgotten = phones.unlock(phone).await.map_err(shared::queue::QueueError::from)?;
    operator::record(queue, "unlock", &phones.name(phone), because).await;
    output.answer(&serde_json::json!({"phone": masked.clone(), "forgotten": forgotten}), || {
        format!("Unlocked {masked}: {forgotten} failed checks are forgotten.")
    })
}

fn phones(queue: &Queue, settings: &Settings) -> Result<Phones, CtlError> {
    let (allowed, secrets) = (MessageLimits::from_settings(settings)?, phone_secrets(settings)?);
    Ok(Phones::new(allowed, PhoneNames::new(&secrets), queue.clone()))
}

fn code(code: CodeStatus) -> Code {
    Code {
        job: code.job,
        offered_at: clock::iso(code.offered_ms),
        taken_at: code.taken_ms.map(clock::iso),
        guesses: code.guesses,
        used: code.is_used,
    }
}

fn words(phone: &Phone) -> String {
    let or = |time: &Option<String>, none: &str| time.clone().unwrap_or_else(|| none.to_owned());
    let rows = phone.codes.iter().map(|code| {
        let (taken, used) = (or(&code.taken_at, "not yet"), if code.used { "yes" } else { "no" });
        vec![code.job.clone(), code.offered_at.clone(), taken, code.guesses.to_string(), used.to_owned()]
    });
    let codes =
        table(&["job", "offered", "taken", "guesses", "used"], rows.collect(), "No code was sent lately.");
    format!(
        "phone          {}\nsent           {} in an hour, {} in a day\nnext message   {}\n\
         failed checks  {} in an hour\nlocked         {}\n\n{codes}",
        phone.number,
        phone.sent_hour,
        phone.sent_day,
        or(&phone.next_message_at, "now"),
        phone.failed_checks_hour,
        phone.locked_until.as_ref().map_or_else(|| "no".to_owned(), |until| format!("until {until}")),
    )
}
