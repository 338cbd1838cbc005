//! What is counted under one name, and the limits it has.

use super::LimitExceeded;
use crate::domain::outcome::Reason;
use crate::redis::ScriptArgs;
use crate::settings::MessageLimits;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    /// Its reason, which also is its label in metrics.
    pub(crate) name: Reason,
    pub(crate) window_ms: u64,
    pub(crate) allowed: u64,
}

/// A phone, a patient, a client or everybody; without limits where they are switched off.
pub(crate) struct LimitKey {
    pub(crate) key: String,
    /// The longest window last.
    pub(crate) limits: Vec<Limit>,
}

impl Limit {
    pub(super) fn after(self, item: ScriptArgs) -> ScriptArgs {
        item.arg(self.window_ms).arg(self.allowed)
    }
}

impl LimitKey {
    pub(super) fn phone(key: String, limits: &MessageLimits) -> Self {
        let hour = Limit { name: Reason::PhoneHour, window_ms: HOUR, allowed: limits.per_phone_hour };
        let day = Limit { name: Reason::PhoneDay, window_ms: DAY, allowed: limits.per_phone_day };
        Self::new(key, &[hour, day])
    }

    pub(super) fn patient(key: String, limits: &MessageLimits) -> Self {
        Self::new(key, &[Limit { name: Reason::PatientDay, window_ms: DAY, allowed: limits.per_patient_day }])
    }

    pub(super) fn client(key: String, limits: &MessageLimits) -> Self {
        Self::new(
            key,
            &[Limit { name: Reason::ClientMinute, window_ms: MINUTE, allowed: limits.per_client_minute }],
        )
    }

    pub(super) fn total(key: String, limits: &MessageLimits) -> Self {
        Self::new(
            key,
            &[Limit { name: Reason::TotalMinute, window_ms: MINUTE, allowed: limits.total_minute }],
        )
    }

    /// The arguments scripts take of its limits.
    pub(crate) fn limits_after(&self, item: ScriptArgs) -> ScriptArgs {
        self.limits.iter().fold(item.arg(self.limits.len()), |item, limit| limit.after(item))
    }

    /// The limit of this number, from 1, as scripts answer it; 0 is none.
    pub(crate) fn reached(&self, number: usize, next_attempt_ms: u64) -> Option<LimitExceeded> {
        let limit = number.checked_sub(1).and_then(|index| self.limits.get(index))?;
        Some(LimitExceeded { limit: limit.name, next_attempt_ms })
    }

    fn new(key: String, limits: &[Limit]) -> Self {
        Self { key, limits: limits.iter().copied().filter(|limit| limit.allowed > 0).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_switches_a_limit_off() {
        let limits = MessageLimits {
            per_phone_hour: 0,
            per_phone_day: 10,
            per_patient_day: 0,
            per_client_minute: 600,
            total_minute: 0,
        };
        let names = |subject: LimitKey| subject.limits.iter().map(|limit| limit.name).collect::<Vec<_>>();
        assert_eq!(names(LimitKey::phone(String::new(), &limits)), [Reason::PhoneDay]);
        assert_eq!(names(LimitKey::client(String::new(), &limits)), [Reason::ClientMinute]);
        assert!(names(LimitKey::patient(String::new(), &limits)).is_empty());
        assert!(names(LimitKey::total(String::new(), &limits)).is_empty());
    }
}
