//! What tests of channels hand over.

use std::time::Duration;

use super::SmsMessage;
use crate::testing::{PHONE, origin};

/// Longer than the limit on connecting, so that either shows.
pub(super) const LIMIT: Duration = Duration::from_millis(1_500);

pub(super) const JOB: &str = "NBXk9EyErUZv1RhXgyvgg";

/// A message, for as long as the test runs.
pub(super) fn message() -> SmsMessage<'static> {
    let (to, reference) =
        (Box::leak(Box::new(PHONE.parse().unwrap())), Box::leak(Box::new(JOB.parse().unwrap())));
    let (text, life) = ("код: 012345", Duration::from_mins(5));
    SmsMessage { to, text, reference, life, origin: origin(), may_submit: &|| true }
}
