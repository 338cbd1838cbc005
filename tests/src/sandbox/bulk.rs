//! Any number of patients with an open OTP approval, without storing one: ids, phone and answers are computed
//! from an index. The index is in the id, so a restarted sandbox still knows the ids its predecessor gave out.

use std::{
    ops::Range,
    sync::atomic::{AtomicU32, Ordering},
};

use bytes::Bytes;
use chrono::{Days, Utc};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

/// First 32 bits of every id made here; a random UUID is not mistaken for one.
const MARK: u128 = 0x5eed_b01c;
const PATIENT: u128 = 1;
const APPROVAL: u128 = 2;
const METHOD: u128 = 3;

/// Version 4, variant 1, as the bits of a UUID.
const VERSION_AND_VARIANT: u128 = 0x4000_8000 << 48;

/// `+38021…` to `+38029…`: no Ukrainian number begins with 2 after the country code (the numbering plan, and
/// libphonenumber after it, has 3 to 9 only), so none of these can belong to a person.
const PHONES: u64 = 90_000_000;
const FIRST_PHONE: u64 = 380_210_000_000;

/// Spreads the phones of different series (runs) over the block.
const PHONE_STRIDE: u64 = 1_373;

/// One of the patients made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    series: u16,
    index: u32,
}

/// What a test gets to know of a patient made for it.
#[derive(Debug, Serialize)]
pub(crate) struct GeneratedPatient {
    patient_id: Uuid,
    approval_id: Uuid,
    phone: String,
}

/// Hands out positions; a process has one series, drawn at its start.
pub(crate) struct PatientGenerator {
    series: u16,
    next: AtomicU32,
    expires_at: i64,
}

impl PatientGenerator {
    pub(crate) fn new(series: u16) -> Self {
        let expires_at = (Utc::now() + Days::new(30)).timestamp();
        Self { series, next: AtomicU32::new(0), expires_at }
    }

    /// `count` patients nobody has had before from this process.
    pub(crate) fn make(&self, count: u32) -> Vec<GeneratedPatient> {
        let first = self.next.fetch_add(count, Ordering::Relaxed);
        let positions: Range<u32> = first..first.saturating_add(count);
        positions.map(|index| Position { series: self.series, index }.made()).collect()
    }

    /// The registry's answer on such a person, if the id is one of ours.
    pub(crate) fn person(patient_id: Uuid) -> Option<Bytes> {
        let position = Position::of(patient_id, PATIENT)?;
        let answer = json!({"data": {
            "id": patient_id, "status": "active", "is_active": true,
            "first_name": "Соломія", "last_name": "Зразкова",
            "authentication_methods": [
                {"id": position.id(METHOD), "type": "OTP", "phone_number": position.phone(), "ended_at": null},
            ],
        }});
        Some(answer.to_string().into())
    }

    /// The registry's answer on such an approval, if both ids are of one patient of ours.
    pub(crate) fn approval(&self, patient_id: Uuid, approval_id: Uuid) -> Option<Bytes> {
        let position = Position::of(patient_id, PATIENT)?;
        if Position::of(approval_id, APPROVAL)? != position {
            return None;
        }
        let answer = json!({"data": {
            "id": approval_id, "patient_id": patient_id,
            "granted_resources": [], "granted_to": {}, "reason": {},
            "expires_at": self.expires_at, "status": "new", "access_level": "read", "authorize_with": null,
            "urgent": {"type": "OTP", "phone_number": position.phone()},
        }});
        Some(answer.to_string().into())
    }
}

impl Position {
    fn id(self, kind: u128) -> Uuid {
        let low = u128::from(self.series) << 32 | u128::from(self.index);
        Uuid::from_u128(MARK << 96 | kind << 80 | VERSION_AND_VARIANT | low)
    }

    /// The position an id of this kind stands for; `None` if it was not made here.
    fn of(id: Uuid, kind: u128) -> Option<Self> {
        let low = id.as_u128() & 0xffff_ffff_ffff;
        let position =
            Self { series: u16::try_from(low >> 32).ok()?, index: u32::try_from(low & 0xffff_ffff).ok()? };
        (position.id(kind) == id).then_some(position)
    }

    fn phone(self) -> String {
        let offset = (u64::from(self.series) * PHONE_STRIDE + u64::from(self.index)) % PHONES;
        format!("+{}", FIRST_PHONE + offset)
    }

    fn made(self) -> GeneratedPatient {
        GeneratedPatient { patient_id: self.id(PATIENT), approval_id: self.id(APPROVAL), phone: self.phone() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn every_patient_made_has_ids_and_a_phone_of_its_own() {
        let bulk = PatientGenerator::new(u16::MAX);
        let made: Vec<GeneratedPatient> = bulk.make(50_000).into_iter().chain(bulk.make(50_000)).collect();
        assert_eq!(made.len(), 100_000);
        assert_eq!(made.iter().map(|one| one.patient_id).collect::<HashSet<_>>().len(), 100_000);
        assert_eq!(made.iter().map(|one| one.approval_id).collect::<HashSet<_>>().len(), 100_000);
        assert_eq!(made.iter().map(|one| one.phone.as_str()).collect::<HashSet<_>>().len(), 100_000);
    }

    #[test]
    fn phones_stay_in_the_block_that_belongs_to_nobody() {
        for series in [0, 1, 30_000, u16::MAX] {
            for made in PatientGenerator::new(series).make(1_000) {
                assert!(made.phone.len() == 13 && made.phone.starts_with("+3802"), "{}", made.phone);
                assert!(!made.phone.starts_with("+38020"), "{} is for the scenarios", made.phone);
            }
        }
    }

    #[test]
    fn answers_are_computed_from_the_ids_and_survive_a_restart() {
        let made = PatientGenerator::new(7).make(3).pop().unwrap();
        let restarted = PatientGenerator::new(8);
        let person: Value =
            serde_json::from_slice(&PatientGenerator::person(made.patient_id).unwrap()).unwrap();
        let approval = restarted.approval(made.patient_id, made.approval_id).unwrap();
        let approval: Value = serde_json::from_slice(&approval).unwrap();
        assert_eq!(person["data"]["id"], made.patient_id.to_string());
        assert_eq!(approval["data"]["patient_id"], made.patient_id.to_string());
        assert_eq!(approval["data"]["urgent"]["phone_number"], made.phone);
    }

    #[test]
    fn foreign_ids_and_mismatched_pairs_are_unknown() {
        let bulk = PatientGenerator::new(7);
        let made = bulk.make(2);
        assert!(bulk.approval(made[0].patient_id, made[1].approval_id).is_none());
        assert!(bulk.approval(made[0].patient_id, made[0].patient_id).is_none());
        assert!(PatientGenerator::person(made[0].approval_id).is_none());
        assert!(PatientGenerator::person(Uuid::new_v4()).is_none());
    }

    #[test]
    fn ids_are_valid_version_four_uuids() {
        let made = PatientGenerator::new(u16::MAX).make(1).pop().unwrap();
        assert_eq!(made.patient_id.get_version_num(), 4);
        assert_eq!(made.patient_id.get_variant(), uuid::Variant::RFC4122);
    }
}
