//! Destinations of messages. The check needs the registry's answer, so only the worker can make it.

use shared::domain::phone::PhoneNumber;
use shared::settings::{ConfigErrors, Settings};

/// `RESEND_LIMIT_COUNTRIES`.
#[derive(Debug, Clone)]
pub struct LimitsConfig {
    /// `RESEND_LIMIT_COUNTRIES` (default 380): the allowed countries.
    pub countries: Countries,
}

/// Allowed country codes; empty (`0`) means everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Countries(Vec<String>);

impl LimitsConfig {
    /// Reads the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigErrors> {
        let name = "RESEND_LIMIT_COUNTRIES";
        let countries = Countries::parse(settings.required(name)?);
        Ok(Self { countries: countries.ok_or_else(|| settings.invalid(name))? })
    }
}

impl Countries {
    /// Parses a comma-separated list of codes; `None` if any is invalid.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "0" {
            return Some(Self(Vec::new()));
        }
        text.split(',').map(|code| country_code(code.trim())).collect::<Option<_>>().map(Self)
    }

    /// Whether a message may go to this number.
    pub fn allow(&self, phone: &PhoneNumber) -> bool {
        self.0.is_empty() || self.0.iter().any(|code| phone.is_in_country(code))
    }
}

/// Up to three digits, or four if several countries share the first, as in North America.
fn country_code(text: &str) -> Option<String> {
    let fits = (1..=4).contains(&text.len()) && !text.starts_with('0');
    (fits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_countries_are_sent_to() {
        for (list, phone, expected) in [
            ("380", "+380931234585", true),
            ("380", "+48501234567", false),
            ("380, 48", "+48501234567", true),
            ("0", "+48501234567", true),
        ] {
            let countries = Countries::parse(list).unwrap();
            assert_eq!(countries.allow(&phone.parse().unwrap()), expected, "{list} {phone}");
        }
    }

    #[test]
    fn anything_else_is_no_list_of_countries() {
        for list in ["", "+380", "380,", "UA", "0380", "12345"] {
            assert_eq!(Countries::parse(list), None, "{list}");
        }
    }
}
