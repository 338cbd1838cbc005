//! Delivery receipts: the TLVs of a `deliver_sm` or `data_sm`, or else its text (SMPP 3.4, appendix B: `id:… sub:…
//! dlvrd:… submit date:… done date:… stat:DELIVRD err:000 text:…`). They are counted by state and logged; nothing is
//! stored.

use shared::telemetry::metric;

use crate::sms::plain_id;

/// Bits of `esm_class` that give the type of a `deliver_sm` (section 5.2.12).
const TYPE: u8 = 0b0011_1100;
const RECEIPT: u8 = 0b0000_0100;
const INTERMEDIATE: u8 = 0b0010_0000;

/// Tags of TLVs (section 5.3.2).
const RECEIPTED_MESSAGE_ID: u16 = 0x001E;
const MESSAGE_STATE: u16 = 0x0427;
const MESSAGE_PAYLOAD: u16 = 0x0424;

/// The SMSC's report about a message it took before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Receipt {
    /// The SMSC's id for the message. The answer to the submit may have written the same number in hex instead of
    /// decimal, or the other way round.
    pub(super) message_id: String,
    /// Its state.
    pub(super) state: MessageState,
}

/// The state of a message (section 5.2.28).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MessageState {
    Enroute,
    Delivered,
    Expired,
    Deleted,
    Undeliverable,
    Accepted,
    Unknown,
    Rejected,
}

/// Counts and logs a receipt.
pub(super) fn note(receipt: &Receipt) {
    let Receipt { message_id, state } = receipt;
    metrics::counter!(metric::SMS_RECEIPTS, "channel" => super::NAME, "state" => state.as_str()).increment(1);
    tracing::info!(message_id, state = state.as_str(), "delivery receipt");
}

/// A body that ends too early.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Truncated;

/// The fields that matter here. Everything else in a body is skipped, malformed TLVs too: an id without its NUL,
/// unknown tags, a truncated last one.
#[derive(Default)]
struct Fields<'a> {
    esm_class: u8,
    text: &'a [u8],
    message_id: Option<&'a [u8]>,
    state: Option<u8>,
}

/// The receipt in the body of a `deliver_sm` (section 4.6.1), if it names its message and a state.
pub(super) fn of_deliver_sm(body: &[u8]) -> Result<Option<Receipt>, Truncated> {
    let mut reader = Reader(body);
    let esm_class = reader.addresses_and_class()?;
    // protocol_id, priority_flag; times; registered_delivery, replace_if_present, data_coding, sm_default_msg_id.
    reader.octets(2)?;
    reader.word()?;
    reader.word()?;
    reader.octets(4)?;
    let length = reader.octet()?;
    let text = reader.octets(length.into())?;
    Ok(Fields { esm_class, text, ..Fields::default() }.with_tlvs(reader).receipt())
}

/// The same for a `data_sm` (section 4.7.1), whose text is a TLV.
pub(super) fn of_data_sm(body: &[u8]) -> Result<Option<Receipt>, Truncated> {
    let mut reader = Reader(body);
    let esm_class = reader.addresses_and_class()?;
    // registered_delivery, data_coding.
    reader.octets(2)?;
    Ok(Fields { esm_class, ..Fields::default() }.with_tlvs(reader).receipt())
}

impl<'a> Fields<'a> {
    fn with_tlvs(mut self, mut reader: Reader<'a>) -> Self {
        while let Ok((tag, value)) = reader.tlv() {
            match tag {
                RECEIPTED_MESSAGE_ID => self.message_id = Some(value),
                MESSAGE_STATE => self.state = value.first().copied(),
                MESSAGE_PAYLOAD if self.text.is_empty() => self.text = value,
                _ => {}
            }
        }
        self
    }

    fn receipt(self) -> Option<Receipt> {
        if !matches!(self.esm_class & TYPE, RECEIPT | INTERMEDIATE) && self.message_id.is_none() {
            return None;
        }
        let text = String::from_utf8_lossy(self.text);
        let message_id = match self.message_id {
            Some(id) => String::from_utf8_lossy(id.split(|octet| *octet == 0).next()?).into_owned(),
            None => field(&text, "id:")?.to_owned(),
        };
        let message_id = Some(plain_id(&message_id)).filter(|id| !id.is_empty())?;
        let state = self.state.and_then(of_number);
        let state = state.or_else(|| field(&text, "stat:").and_then(of_word))?;
        Some(Receipt { message_id, state })
    }
}

/// The unread rest of a body.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The common first fields: `service_type`, source and destination with type and plan each, `esm_class`.
    fn addresses_and_class(&mut self) -> Result<u8, Truncated> {
        self.word()?;
        for _ in 0..2 {
            self.octets(2)?;
            self.word()?;
        }
        self.octet()
    }

    fn octets(&mut self, count: usize) -> Result<&'a [u8], Truncated> {
        let (octets, rest) = self.0.split_at_checked(count).ok_or(Truncated)?;
        self.0 = rest;
        Ok(octets)
    }

    fn octet(&mut self) -> Result<u8, Truncated> {
        Ok(self.octets(1)?[0])
    }

    fn number(&mut self) -> Result<u16, Truncated> {
        let octets = self.octets(2)?;
        Ok(u16::from_be_bytes([octets[0], octets[1]]))
    }

    /// The octets up to the NUL.
    fn word(&mut self) -> Result<&'a [u8], Truncated> {
        let end = self.0.iter().position(|octet| *octet == 0).ok_or(Truncated)?;
        let word = self.octets(end)?;
        self.octet()?;
        Ok(word)
    }

    fn tlv(&mut self) -> Result<(u16, &'a [u8]), Truncated> {
        let (tag, length) = (self.number()?, self.number()?);
        Ok((tag, self.octets(length.into())?))
    }
}

/// The word after this name, which is at the beginning or after a space; in upper or lower case.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    // The text of the message comes last, and is not ours to read.
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

fn of_number(state: u8) -> Option<MessageState> {
    Some(match state {
        0 | 1 => MessageState::Enroute,
        2 => MessageState::Delivered,
        3 => MessageState::Expired,
        4 => MessageState::Deleted,
        5 => MessageState::Undeliverable,
        6 => MessageState::Accepted,
        7 => MessageState::Unknown,
        8 => MessageState::Rejected,
        _ => return None,
    })
}

impl MessageState {
    /// The name in metrics and logs.
    fn as_str(self) -> &'static str {
        match self {
            Self::Enroute => "enroute",
            Self::Delivered => "delivered",
            Self::Expired => "expired",
            Self::Deleted => "deleted",
            Self::Undeliverable => "undeliverable",
            Self::Accepted => "accepted",
            Self::Unknown => "unknown",
            Self::Rejected => "rejected",
        }
    }
}

#[cfg(test)]
mod tests;
