//! The text of the message: a template that contains the code once and fits one SMS, checked at start.

use shared::sending::codes::Code;

/// The placeholder of the code.
const PLACE: &str = "{code}";

/// Units of one part: 140 octets of 7 bits, or of two octets each (3GPP TS 23.040, section 9.2.3.16).
const GSM_UNITS: usize = 160;
const UCS2_UNITS: usize = 70;

/// The GSM 7-bit default alphabet without its escape (3GPP TS 23.038, section 6.2.1).
const GSM_BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                         ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// Its extension table, two units each (section 6.2.1.1).
const GSM_EXTENDED: &str = "\u{c}^{}\\[~]|€";

/// A checked template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageText {
    before: String,
    after: String,
}

/// Why a template is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// No placeholder for the code, or more than one.
    #[error("a text with {{code}} in it exactly once")]
    Place,
    /// It would be sent, and paid for, as several messages.
    #[error("a text that fits one SMS with the code in it: {units} of {most} units now")]
    TooLong {
        /// Its length.
        units: usize,
        /// The longest that its alphabet allows.
        most: usize,
    },
}

impl MessageText {
    /// Checks a template for codes of this many digits.
    pub fn new(template: &str, digits: u8) -> Result<Self, TextError> {
        let (before, after) = template.split_once(PLACE).ok_or(TextError::Place)?;
        if after.contains(PLACE) {
            return Err(TextError::Place);
        }
        let sample = format!("{before}{}{after}", "0".repeat(digits.into()));
        let (units, most) = length(&sample);
        if units > most {
            return Err(TextError::TooLong { units, most });
        }
        Ok(Self { before: before.to_owned(), after: after.to_owned() })
    }

    /// The text with the code in it.
    pub fn with(&self, code: &Code) -> String {
        format!("{}{}{}", self.before, code.expose(), self.after)
    }
}

/// Units used, and units of one part, in the alphabet that the text needs.
pub fn length(text: &str) -> (usize, usize) {
    match text.chars().map(gsm_units).sum::<Option<usize>>() {
        Some(units) => (units, GSM_UNITS),
        None => (text.encode_utf16().count(), UCS2_UNITS),
    }
}

fn gsm_units(character: char) -> Option<usize> {
    if GSM_BASIC.contains(character) { Some(1) } else { GSM_EXTENDED.contains(character).then_some(2) }
}

/// The letters in the GSM alphabet, one octet for each septet; `None` if a letter is not in it.
pub(super) fn gsm_septets(character: char) -> Option<Vec<u8>> {
    const ESCAPE: u8 = 0x1B;
    const EXTENDED: [u8; 10] = [0x0A, 0x14, 0x28, 0x29, 0x2F, 0x3C, 0x3D, 0x3E, 0x40, 0x65];
    // The alphabet's basic table has the escape at this position.
    let place = |alphabet: &str| alphabet.chars().position(|other| other == character);
    if let Some(place) = place(GSM_BASIC).and_then(|place| u8::try_from(place).ok()) {
        return Some(vec![if place < ESCAPE { place } else { place + 1 }]);
    }
    let place = place(GSM_EXTENDED)?;
    EXTENDED.get(place).map(|septet| vec![ESCAPE, *septet])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_stands_in_its_place() {
        let text = MessageText::new("Код авторизації дій в системі eHealth: {code}", 6).unwrap();
        assert_eq!(text.with(&Code::new("012345".into())), "Код авторизації дій в системі eHealth: 012345");
    }

    #[test]
    fn the_place_is_there_exactly_once() {
        for template in ["", "code", "{code} {code}", "{ code }"] {
            assert_eq!(MessageText::new(template, 6), Err(TextError::Place), "{template}");
        }
    }

    #[test]
    fn one_part_is_160_gsm_or_70_other_units_with_the_code() {
        for (letter, fitting) in [("a", 154), ("€", 77), ("ї", 64), ("😀", 32)] {
            let template = |count| format!("{}{{code}}", letter.repeat(count));
            assert!(MessageText::new(&template(fitting), 6).is_ok(), "{fitting} × {letter}");
            let error = MessageText::new(&template(fitting + 1), 6);
            assert!(matches!(error, Err(TextError::TooLong { .. })), "{} × {letter}", fitting + 1);
        }
    }

    #[test]
    fn longer_codes_leave_less_room() {
        let template = format!("{}{{code}}", "a".repeat(154));
        assert_eq!(MessageText::new(&template, 8), Err(TextError::TooLong { units: 162, most: 160 }));
    }

    #[test]
    fn the_alphabet_has_its_128_places_with_the_escape() {
        assert_eq!(GSM_BASIC.chars().count(), 127);
    }
}
