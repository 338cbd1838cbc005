//! Ids and phones of the scenarios: fixed, and made from the scenario's number.

use uuid::Uuid;

/// An id by which one sees what it is of: the kind first, the scenario's number in decimal last.
pub(super) fn id(kind: u128, number: u8) -> Uuid {
    let digit = |of: u8| u128::from(number / of % 10);
    let decimal = digit(100) << 8 | digit(10) << 4 | digit(1);
    Uuid::from_u128(kind << 124 | 0x4000_8000 << 48 | decimal)
}

pub(super) fn patient_id(number: u8) -> Uuid {
    id(1, number)
}

pub(super) fn approval_id(number: u8) -> Uuid {
    id(2, number)
}

pub(super) fn method_id(number: u8) -> Uuid {
    id(3, number)
}

/// No Ukrainian number begins with 2 after the country code (the numbering plan, and libphonenumber after it,
/// has 3 to 9 only), so none of these can belong to a person.
pub(super) fn phone(number: u8) -> String {
    format!("+38020{number:07}")
}

/// Another number nobody has, which looks the same once it is masked.
pub(super) fn twin(number: u8) -> String {
    format!("+38020{:07}", 1_000_000 + u32::from(number))
}

/// The number as the platform stores it with an approval.
pub(super) fn masked(number: u8) -> String {
    let phone = phone(number);
    format!("{}*****{}", &phone[..6], &phone[phone.len() - 2..])
}
