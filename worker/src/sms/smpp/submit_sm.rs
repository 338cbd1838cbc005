//! One message as `submit_sm` PDUs, one for each part (SMPP 3.4, section 4.4.1).

use std::str::FromStr as _;
use std::time::Duration;

use rusmpp::pdus::SubmitSm;
use rusmpp::types::{COctetString, EmptyOrFullCOctetString, OctetString};
use rusmpp::values::{DataCoding, EsmClass, Npi, RegisteredDelivery, Ton};

use super::encoding::encode;
use crate::sms::SmsMessage;

/// `esm_class`: the SMSC's own mode; the text begins with a header.
const PLAIN: u8 = 0;
const WITH_HEADER: u8 = 0x40;

/// `registered_delivery`: a receipt of the final outcome, good or bad.
const FINAL_RECEIPT: u8 = 1;

/// The parts of a message; `None` if SMPP cannot carry it. Without a validity period the SMSC's default applies.
pub(super) fn parts(message: SmsMessage<'_>, sender: &str, with_validity: bool) -> Option<Vec<SubmitSm>> {
    // The same reference for every try of a job, so that parts of two tries can be joined.
    let reference =
        message.reference.as_str().bytes().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    let encoded = encode(message.text, reference)?;
    let esm_class = EsmClass::from(if encoded.parts.len() > 1 { WITH_HEADER } else { PLAIN });
    let (ton, npi, source) = source(sender);
    let validity = if with_validity { relative(message.life) } else { String::new() };
    let submit = SubmitSm::builder()
        .source_addr_ton(ton)
        .source_addr_npi(npi)
        .source_addr(COctetString::from_str(source).ok()?)
        .dest_addr_ton(Ton::International)
        .dest_addr_npi(Npi::Isdn)
        .destination_addr(COctetString::from_str(message.to.expose().trim_start_matches('+')).ok()?)
        .esm_class(esm_class)
        .validity_period(EmptyOrFullCOctetString::from_str(&validity).ok()?)
        .registered_delivery(RegisteredDelivery::from(FINAL_RECEIPT))
        .data_coding(if encoded.is_ucs2 { DataCoding::Ucs2 } else { DataCoding::McSpecific });
    let parts = encoded.parts.into_iter().map(|part| OctetString::from_vec(part).ok());
    parts.map(|part| Some(submit.clone().short_message(part?).build())).collect()
}

/// Type and plan of the sender: words are alphanumeric, with `+` international, other digits a short code or national.
fn source(sender: &str) -> (Ton, Npi, &str) {
    match sender.strip_prefix('+') {
        Some(number) => (Ton::International, Npi::Isdn, number),
        None if !sender.bytes().all(|byte| byte.is_ascii_digit()) => {
            (Ton::Alphanumeric, Npi::Unknown, sender)
        }
        None if sender.len() <= 6 => (Ton::Abbreviated, Npi::Unknown, sender),
        None => (Ton::International, Npi::Isdn, sender),
    }
}

/// `YYMMDDhhmmsstnnp`, relative (section 7.1.1.2); at most 30 days.
fn relative(life: Duration) -> String {
    let seconds = life.as_secs().clamp(1, 30 * 86_400);
    let (days, seconds) = (seconds / 86_400, seconds % 86_400);
    format!("0000{days:02}{:02}{:02}{:02}000R", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sms::testing::message;

    #[test]
    fn it_says_who_to_whom_how_and_for_how_long() {
        let parts = parts(message(), "eHealth", true).unwrap();
        let [submit] = &parts[..] else { panic!("one part: {}", parts.len()) };
        assert_eq!((submit.source_addr_ton, submit.source_addr.as_str()), (Ton::Alphanumeric, "eHealth"));
        assert_eq!((submit.dest_addr_ton, submit.dest_addr_npi), (Ton::International, Npi::Isdn));
        assert_eq!(submit.destination_addr.as_str(), "380931234585");
        assert_eq!((u8::from(submit.esm_class), u8::from(submit.registered_delivery)), (0, 1));
        assert_eq!(
            (submit.validity_period.as_str(), submit.data_coding),
            ("000000000500000R", DataCoding::Ucs2)
        );
    }

    #[test]
    fn a_text_of_two_parts_says_that_it_has_headers() {
        let text = "ї".repeat(71);
        let parts = parts(SmsMessage { text: &text, ..message() }, "eHealth", true).unwrap();
        assert_eq!(parts.iter().map(|part| u8::from(part.esm_class)).collect::<Vec<_>>(), [0x40, 0x40]);
    }

    #[test]
    fn without_a_validity_period_the_field_is_empty() {
        let parts = parts(message(), "eHealth", false).unwrap();
        assert_eq!(parts[0].validity_period.as_str(), "");
    }

    #[test]
    fn senders_are_words_short_codes_or_numbers() {
        assert_eq!(source("2FA"), (Ton::Alphanumeric, Npi::Unknown, "2FA"));
        assert_eq!(source("7070"), (Ton::Abbreviated, Npi::Unknown, "7070"));
        assert_eq!(source("+380441234567"), (Ton::International, Npi::Isdn, "380441234567"));
        assert_eq!(source("380441234567"), (Ton::International, Npi::Isdn, "380441234567"));
    }

    #[test]
    fn validity_is_relative_and_whole() {
        for (seconds, expected) in
            [(0, "000000000001000R"), (3_600, "000000010000000R"), (90_061, "000001010101000R")]
        {
            assert_eq!(relative(Duration::from_secs(seconds)), expected);
        }
    }
}
