//! Reading settings: the source of a value, and the error for a wrong one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::str::FromStr;

use secrecy::SecretString;

use super::injected::is_injected;
use super::redact::redacted;
use super::table::{self, Kind, Table, Variable, variables};
use super::{ConfigError, ConfigErrors};

/// Most edits between a typo and the name it hints at, before the hint would mislead.
const NEAR: usize = 12;

/// All values given, by variable.
#[derive(Clone, Default)]
pub struct Settings {
    given: BTreeMap<&'static str, (String, Origin)>,
    /// Names that are no settings; reported with the other errors.
    unknown: Vec<ConfigError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    File,
    Environment,
}

impl Settings {
    /// The process' environment over the file it names. Fails if that file cannot be read.
    pub fn load() -> Result<Self, ConfigErrors> {
        let environment: Vec<_> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            // Of names with other prefixes, only those that we know.
            .filter(|(name, _)| name.starts_with("RESEND_") || table::find(name).is_some())
            .filter(|(name, _)| table::find(name).is_some() || !is_injected(name))
            .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
            .collect();
        let file =
            environment.iter().find(|(name, _)| name == "RESEND_CONFIG").map(|(_, path)| read_file(path));
        let mut settings = Self::default();
        settings.take(file.transpose()?.unwrap_or_default(), Origin::File);
        settings.take(environment, Origin::Environment);
        Ok(settings)
    }

    /// Settings from pairs, as if they were the environment.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, ConfigErrors> {
        let mut settings = Self::default();
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        settings.take(pairs.collect(), Origin::Environment);
        settings.check_names().map(|()| settings)
    }

    /// Whether every name given is that of a setting.
    pub(super) fn check_names(&self) -> Result<(), ConfigErrors> {
        let mut errors = ConfigErrors::default();
        self.unknown.iter().for_each(|error| errors.add(error.clone()));
        errors.into_result()
    }

    /// The value given or its default; `None` if it is empty. An empty variable counts as not set, as is usual in
    /// compose files.
    pub fn text(&self, name: &'static str) -> Option<&str> {
        let given = self.given.get(name).map(|(value, _)| value.as_str());
        let default = table::find(name).map(|variable| variable.default);
        given.filter(|value| !value.is_empty()).or(default).filter(|value| !value.is_empty())
    }

    /// The value in a form that may be shown: a URL without user, password and query values.
    pub fn shown(&self, name: &'static str) -> String {
        table::find(name).map(|variable| self.shown_as(variable)).unwrap_or_default()
    }

    /// A required value.
    pub fn required(&self, name: &'static str) -> Result<&str, ConfigError> {
        self.text(name).ok_or_else(|| ConfigError::Missing { variable: name, expected: expected(name) })
    }

    /// A value of a type, parsed by its `FromStr`.
    pub fn parse<T: FromStr>(&self, name: &'static str) -> Result<T, ConfigError> {
        self.required(name)?.parse().map_err(|_| self.invalid(name))
    }

    /// A value of a type, or `None` if it is not set.
    pub fn optional<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, ConfigError> {
        self.text(name).map(|_| self.parse(name)).transpose()
    }

    /// A whole number within the table's bounds.
    pub fn number(&self, name: &'static str) -> Result<u64, ConfigError> {
        let number = self.parse(name)?;
        let fits = |kind: &Kind| matches!(kind, Kind::Number(_, bounds) if bounds.contains(&number));
        let is_right = table::find(name).is_some_and(|variable| fits(&variable.kind));
        if is_right { Ok(number) } else { Err(self.invalid(name)) }
    }

    /// One of the table's words.
    pub fn choice(&self, name: &'static str) -> Result<&'static str, ConfigError> {
        let given = self.required(name)?;
        let words = match table::find(name).map(|variable| &variable.kind) {
            Some(Kind::Choice(words)) => *words,
            _ => &[],
        };
        words.iter().find(|word| **word == given).copied().ok_or_else(|| self.invalid(name))
    }

    /// A value that is never shown.
    pub fn secret(&self, name: &'static str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    /// An http(s) URL without a trailing slash.
    pub fn http_url(&self, name: &'static str) -> Result<String, ConfigError> {
        let url = self.required(name)?;
        let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
        let fits = rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace));
        if fits && reqwest::Url::parse(url).is_ok() {
            Ok(url.trim_end_matches('/').to_owned())
        } else {
            Err(self.invalid(name))
        }
    }

    /// The error for an invalid value.
    pub fn invalid(&self, name: &'static str) -> ConfigError {
        self.invalid_because(name, expected(name))
    }

    /// The same, with the expectation given instead of the table's.
    pub fn invalid_because(&self, name: &'static str, expected: String) -> ConfigError {
        let shown = match table::find(name) {
            Some(variable) if !variable.is_secret => format!("={:?}", self.shown_as(variable)),
            _ => String::new(),
        };
        ConfigError::Invalid { variable: name, shown, expected }
    }

    /// Every setting of a table with its effective value and its source, secrets hidden: `--check-config`.
    pub fn describe(&self, table: Table) -> String {
        let mut text = String::new();
        for variable in variables(table) {
            let origin = match self.given.get(variable.name).filter(|(value, _)| !value.is_empty()) {
                Some((_, Origin::Environment)) => "environment",
                Some((_, Origin::File)) => "file",
                None if variable.default.is_empty() => "not set",
                None => "default",
            };
            let _ = writeln!(text, "{}={}  # {origin}", variable.name, self.shown_as(variable));
        }
        text
    }

    fn shown_as(&self, variable: &Variable) -> String {
        match self.text(variable.name) {
            None => String::new(),
            Some(_) if variable.is_secret => "***".to_owned(),
            Some(value) if variable.is_url() => redacted(value),
            Some(value) => value.to_owned(),
        }
    }

    fn take(&mut self, pairs: Vec<(String, String)>, origin: Origin) {
        for (name, value) in pairs {
            match table::find(&name) {
                Some(variable) => _ = self.given.insert(variable.name, (value, origin)),
                None => self.unknown.push(unknown(name)),
            }
        }
    }
}

fn expected(name: &str) -> String {
    table::find(name).map(Variable::expected).unwrap_or_default()
}

/// A flat TOML table: `redis_url = "…"` stands for `RESEND_REDIS_URL`.
fn read_file(path: &str) -> Result<Vec<(String, String)>, ConfigError> {
    let wrong = |what: String| ConfigError::File(format!("{path}: {what}"));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    // The parser's own message would repeat the line, which may hold a secret.
    let table: toml::Table = text.parse().map_err(|_| wrong("not a TOML table of settings".to_owned()))?;
    table
        .into_iter()
        .map(|(key, value)| {
            let value = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(flag) => flag.to_string(),
                _ => return Err(wrong(format!("{key}: expected a string, a whole number, true or false"))),
            };
            Ok((format!("RESEND_{}", key.to_ascii_uppercase()), value))
        })
        .collect()
}

fn unknown(name: String) -> ConfigError {
    let distance = |variable: &&Variable| strsim::damerau_levenshtein(&name, variable.name);
    let nearest = variables(table::ALL).min_by_key(distance).filter(|variable| distance(variable) <= NEAR);
    let hint = nearest.map(|variable| format!(": did you mean {}?", variable.name)).unwrap_or_default();
    ConfigError::Unknown { name, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        Settings::from_pairs(pairs.iter().copied()).unwrap()
    }

    #[test]
    fn every_misspelt_name_is_told_the_nearest_one() {
        let error = Settings::from_pairs([("RESEND_REDIS_ULR", "x"), ("RESEND_LOGG", "x")]).err().unwrap();
        assert_eq!(
            error.to_string(),
            "RESEND_REDIS_ULR is not a setting of this service: did you mean RESEND_REDIS_URL?\n\
             RESEND_LOGG is not a setting of this service: did you mean RESEND_LOG?"
        );
    }

    #[test]
    fn a_wrong_value_is_told_what_is_expected() {
        let error = settings(&[("RESEND_LEASE_SECONDS", "half")]).number("RESEND_LEASE_SECONDS");
        assert_eq!(
            error.unwrap_err().to_string(),
            "invalid RESEND_LEASE_SECONDS=\"half\": expected a whole number of seconds from 2 to 3600"
        );
        let error = settings(&[("RESEND_STRICT", "yes")]).choice("RESEND_STRICT").unwrap_err();
        assert_eq!(error.to_string(), "invalid RESEND_STRICT=\"yes\": expected true or false");
    }

    #[test]
    fn a_wrong_secret_is_not_repeated() {
        let error = settings(&[("RESEND_OTP_KEY", "hunter2")]).invalid("RESEND_OTP_KEY").to_string();
        assert!(error.starts_with("invalid RESEND_OTP_KEY: expected at least 32 random bytes"), "{error}");
        let error = settings(&[("RESEND_REGISTRY_URL", "ftp://u:hunter2@a/?x=hunter2")]);
        let error = error.http_url("RESEND_REGISTRY_URL").unwrap_err().to_string();
        assert!(error.starts_with("invalid RESEND_REGISTRY_URL") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_missing_value_is_named() {
        let error = settings(&[]).http_url("RESEND_REGISTRY_URL").unwrap_err();
        assert_eq!(error.to_string(), "RESEND_REGISTRY_URL is not set: expected an http:// or https:// URL");
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        assert_eq!(settings(&[("RESEND_QUEUE_NAME", "")]).text("RESEND_QUEUE_NAME"), Some("resend"));
    }

    #[test]
    fn the_description_hides_secrets_and_credentials() {
        let described = settings(&[
            ("RESEND_OTP_KEY", "hunter2"),
            ("RESEND_REDIS_URL", "redis://:hunter2@a:1,redis://b:2"),
            ("RESEND_SMS_URL", "https://gateway/send?key=hunter2"),
        ])
        .describe(table::ALL);
        assert!(!described.contains("hunter2"), "{described}");
        assert!(described.contains("RESEND_OTP_KEY=***  # environment\n"));
        assert!(described.contains("RESEND_REDIS_URL=redis://***@a:1,redis://b:2  # environment\n"));
        assert!(described.contains("RESEND_LEASE_SECONDS=30  # default\n"));
    }
}
