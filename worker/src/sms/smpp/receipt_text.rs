//! Reads delivery receipts: of a `deliver_sm` the TLVs, else the text of SMPP 3.4, appendix B
//! (`id:… sub:… dlvrd:… submit date:… done date:… stat:DELIVRD err:000 text:…`).

use rusmpp::pdus::DeliverSm;
use rusmpp::tlvs::TlvValue;
use rusmpp::values::MessageState as Wire;
use shared::receipt::MessageState;

use crate::sms::{Receipt, plain_id};

/// Bits of `esm_class` that say what a `deliver_sm` is (section 5.2.12).
const TYPE: u8 = 0b0011_1100;
const RECEIPT: u8 = 0b0000_0100;
const INTERMEDIATE: u8 = 0b0010_0000;

/// The receipt in it, if it is one that names its message and a state.
pub(super) fn receipt(deliver: &DeliverSm) -> Option<Receipt> {
    let kind = u8::from(deliver.esm_class) & TYPE;
    let (mut message_id, mut state) = (None, None);
    for tlv in deliver.tlvs() {
        match tlv.value() {
            Some(TlvValue::ReceiptedMessageId(id)) => message_id = Some(id.as_str().to_owned()),
            Some(TlvValue::MessageState(wire)) => state = of_wire(*wire),
            _ => {}
        }
    }
    if !matches!(kind, RECEIPT | INTERMEDIATE) && message_id.is_none() {
        return None;
    }
    let text = String::from_utf8_lossy(deliver.short_message().as_ref());
    let message_id = message_id.or_else(|| field(&text, "id:").map(str::to_owned));
    let state = state.or_else(|| field(&text, "stat:").and_then(of_word));
    let message_id = message_id.map(|id| plain_id(&id)).filter(|id| !id.is_empty())?;
    Some(Receipt { channel: super::NAME, message_id, state: state? })
}

/// The word after this name, which stands at the beginning or after a space; names come in either case.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    // What the message said comes last, and is not ours to read.
    let lower = text.to_ascii_lowercase();
    let end = lower.find(" text:").unwrap_or(text.len());
    let at = lower[..end].match_indices(name).find(|(at, _)| *at == 0 || lower.as_bytes()[at - 1] == b' ')?.0;
    text[at + name.len()..end].split(' ').next().filter(|word| !word.is_empty())
}

fn of_word(word: &str) -> Option<MessageState> {
    Some(match word.to_ascii_uppercase().as_str() {
        "ENROUTE" => MessageState::Enroute,
        "DELIVRD" => MessageState::Delivered,
        "EXPIRED" => MessageState::Expired,
        "DELETED" => MessageState::Deleted,
        "UNDELIV" => MessageState::Undeliverable,
        "ACCEPTD" => MessageState::Accepted,
        "UNKNOWN" => MessageState::Unknown,
        "REJECTD" => MessageState::Rejected,
        _ => return None,
    })
}

fn of_wire(state: Wire) -> Option<MessageState> {
    Some(match state {
        Wire::Scheduled | Wire::Enroute => MessageState::Enroute,
        Wire::Delivered => MessageState::Delivered,
        Wire::Expired => MessageState::Expired,
        Wire::Deleted => MessageState::Deleted,
        Wire::Undeliverable => MessageState::Undeliverable,
        Wire::Accepted => MessageState::Accepted,
        Wire::Unknown => MessageState::Unknown,
        Wire::Rejected => MessageState::Rejected,
        Wire::Skipped | Wire::Other(_) => return None,
    })
}

#[cfg(test)]
mod tests;
