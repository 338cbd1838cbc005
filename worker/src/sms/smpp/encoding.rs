//! The text as octets of `short_message`: GSM 03.38 or UCS-2, in one part or several with a header that joins them.
//!
//! At most SMSCs the default alphabet (`data_coding` 0) is GSM 03.38, unpacked; at some it is Latin-1. So it is used
//! only for letters that are the same in ASCII, or if UCS-2 would need another part.

use crate::message_text::gsm_septets;

/// Octets of one part (3GPP TS 23.040); in the default alphabet the SMSC packs 160 septets into them.
const UCS2_OCTETS: usize = 140;
const GSM_OCTETS: usize = 160;

/// Header that joins parts: length, element 0, its length, reference, count, number (3GPP TS 23.040, section 9.2.3.24.1).
const HEADER: usize = 6;
/// Octets left next to that header: 134, or 153 septets.
const UCS2_PART: usize = UCS2_OCTETS - HEADER;
const GSM_PART: usize = 153;

/// An encoded text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Encoded {
    /// Whether it is UCS-2 rather than the default alphabet.
    pub(super) is_ucs2: bool,
    /// `short_message` of each part; if there are several, each begins with the header.
    pub(super) parts: Vec<Vec<u8>>,
}

/// Encodes a text. All parts of one text have the same reference, which distinguishes them from those of another text
/// to the same phone. `None` if it would take more than 255 parts.
pub(super) fn encode(text: &str, reference: u8) -> Option<Encoded> {
    let ucs2: Vec<Vec<u8>> = text.chars().map(utf16).collect();
    let ucs2 = parts(&ucs2, UCS2_OCTETS, UCS2_PART);
    let gsm = text.chars().map(gsm_septets).collect::<Option<Vec<_>>>();
    let gsm = gsm.map(|letters| parts(&letters, GSM_OCTETS, GSM_PART));
    let (is_ucs2, parts) = match gsm {
        Some(gsm) if gsm.len() < ucs2.len() || text.chars().all(is_same_in_ascii) => (false, gsm),
        _ => (true, ucs2),
    };
    Some(Encoded { is_ucs2, parts: with_headers(parts, reference)? })
}

/// UTF-16: phones understand surrogate pairs, and nothing else can carry an emoji.
fn utf16(letter: char) -> Vec<u8> {
    letter.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()).collect()
}

/// Letters with the same number in ASCII, Latin-1 and GSM 03.38.
fn is_same_in_ascii(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || " !\"#%&'()*+,-./:;<=>?\r\n".contains(letter)
}

/// One part if it fits, else parts that split no letter.
fn parts(letters: &[Vec<u8>], alone: usize, joined: usize) -> Vec<Vec<u8>> {
    let all = letters.concat();
    if all.len() <= alone {
        return vec![all];
    }
    let mut parts = vec![Vec::new()];
    for letter in letters {
        match parts.last_mut() {
            Some(part) if part.len() + letter.len() <= joined => part.extend(letter),
            _ => parts.push(letter.clone()),
        }
    }
    parts
}

fn with_headers(parts: Vec<Vec<u8>>, reference: u8) -> Option<Vec<Vec<u8>>> {
    let count = u8::try_from(parts.len()).ok()?;
    if count == 1 {
        return Some(parts);
    }
    let numbered = (1..=count).zip(parts);
    Some(numbered.map(|(number, part)| [vec![5, 0, 3, reference, count, number], part].concat()).collect())
}

#[cfg(test)]
mod tests;
