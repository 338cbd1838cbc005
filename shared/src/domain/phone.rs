//! A phone number that prints itself masked, so that no log line, error or trace can identify a patient.

use std::fmt;
use std::str::FromStr;

/// An E.164 number: a plus and 8 to 15 digits, the first not 0.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PhoneNumber(String);

/// Not an E.164 number. The error does not contain the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a phone number in E.164 form, such as +380 and nine digits")]
pub struct InvalidPhoneNumber;

impl PhoneNumber {
    /// The full number, for the SMS channel, the code's key and the country rule only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// First six characters, five stars, last two: `+38093*****85`, as the platform masks it.
    pub fn masked(&self) -> String {
        format!("{}*****{}", &self.0[..6], &self.0[self.0.len() - 2..])
    }

    /// Whether the number belongs to this country code (digits without the plus).
    pub fn is_in_country(&self, code: &str) -> bool {
        self.0[1..].starts_with(code)
    }
}

impl FromStr for PhoneNumber {
    type Err = InvalidPhoneNumber;

    fn from_str(text: &str) -> Result<Self, InvalidPhoneNumber> {
        let digits = text.strip_prefix('+').ok_or(InvalidPhoneNumber)?;
        let fits = (8..=15).contains(&digits.len()) && !digits.starts_with('0');
        if fits && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPhoneNumber)
        }
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_mask_is_the_platforms() {
        let phone: PhoneNumber = "+380931234585".parse().unwrap();
        assert_eq!(phone.masked(), "+38093*****85");
        assert_eq!(format!("{phone} {phone:?}"), "+38093*****85 PhoneNumber(+38093*****85)");
    }

    #[test]
    fn the_shortest_number_still_hides_its_middle() {
        let phone: PhoneNumber = "+12345678".parse().unwrap();
        assert_eq!(phone.masked(), "+12345*****78");
    }

    #[test]
    fn only_e164_is_a_phone_number() {
        for text in ["+12345678", "+3809312345", "+123456789012345"] {
            assert!(text.parse::<PhoneNumber>().is_ok(), "{text}");
        }
        for text in [
            "",
            "+",
            "380931234585",
            "+0931234585",
            "+1234567",
            "+1234567890123456",
            "+38093123458x",
            "+٣٨٠٩٣١٢٣",
        ] {
            assert_eq!(text.parse::<PhoneNumber>(), Err(InvalidPhoneNumber), "{text}");
        }
    }

    #[test]
    fn an_error_does_not_repeat_the_number() {
        assert!(!"0931234585".parse::<PhoneNumber>().unwrap_err().to_string().contains("0931234585"));
    }

    #[test]
    fn the_country_is_the_numbers_beginning() {
        let phone: PhoneNumber = "+380931234585".parse().unwrap();
        assert!(phone.is_in_country("380") && !phone.is_in_country("48"));
    }

    proptest! {
        #[test]
        fn what_is_taken_is_e164_and_never_shown_whole(text in "\\+?[0-9 +()-]{0,18}") {
            if let Ok(phone) = text.parse::<PhoneNumber>() {
                let digits = text.strip_prefix('+').unwrap();
                prop_assert!((8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()));
                let shown = format!("{phone} {phone:?}");
                prop_assert!(!shown.contains(digits));
            }
        }
    }
}
