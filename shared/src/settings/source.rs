//! Reading settings: where a value comes from, and how a wrong one is told.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::str::FromStr;

use secrecy::SecretString;

use super::ConfigError;
use super::known::{self, KNOWN, Variable};

/// Names a typo may be off by, in edits, before the hint would mislead.
const NEAR: usize = 12;

/// All values given, by variable.
#[derive(Clone, Default)]
pub struct Settings {
    given: BTreeMap<&'static str, (String, Origin)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    File,
    Environment,
}

impl Settings {
    /// The process' environment over the file it names.
    pub fn load() -> Result<Self, ConfigError> {
        let environment: Vec<_> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            // Of other people's names those we know.
            .filter(|(name, _)| name.starts_with("RESEND_") || known::find(name).is_some())
            .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
            .collect();
        let file =
            environment.iter().find(|(name, _)| name == "RESEND_CONFIG").map(|(_, path)| read_file(path));
        let mut settings = Self::default();
        settings.take(file.transpose()?.unwrap_or_default(), Origin::File)?;
        settings.take(environment, Origin::Environment)?;
        Ok(settings)
    }

    /// Settings from pairs, as if they were the environment.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, ConfigError> {
        let mut settings = Self::default();
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        settings.take(pairs.collect(), Origin::Environment)?;
        Ok(settings)
    }

    /// The value given or its default; `None` where it is empty. An empty variable counts as not set, as is usual in
    /// compose files.
    pub fn text(&self, name: &'static str) -> Option<&str> {
        let given = self.given.get(name).map(|(value, _)| value.as_str());
        let default = known::find(name).map(|variable| variable.default);
        given.filter(|value| !value.is_empty()).or(default).filter(|value| !value.is_empty())
    }

    /// A value that must be there.
    pub fn required(&self, name: &'static str, wants: &str) -> Result<&str, ConfigError> {
        self.text(name).ok_or_else(|| ConfigError::Missing { variable: name, wants: wants.to_owned() })
    }

    /// A value of a type, or the error that says what it wants.
    pub fn parse<T: FromStr>(&self, name: &'static str, wants: &str) -> Result<T, ConfigError> {
        self.required(name, wants)?.parse().map_err(|_| self.wrong(name, wants))
    }

    /// A whole number within bounds.
    pub fn number(
        &self,
        name: &'static str,
        unit: &str,
        bounds: RangeInclusive<u64>,
    ) -> Result<u64, ConfigError> {
        let wants = format!("a whole number of {unit} from {} to {}", bounds.start(), bounds.end());
        let number = self.parse(name, &wants)?;
        if bounds.contains(&number) { Ok(number) } else { Err(self.wrong(name, &wants)) }
    }

    /// A value that is never shown.
    pub fn secret(&self, name: &'static str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    /// An http(s) URL without a trailing slash.
    pub fn http_url(&self, name: &'static str) -> Result<String, ConfigError> {
        let wants = "an http:// or https:// URL";
        let url = self.required(name, wants)?;
        let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
        match rest {
            Some(rest) if !rest.is_empty() && !rest.contains(char::is_whitespace) => {
                Ok(url.trim_end_matches('/').to_owned())
            }
            _ => Err(self.wrong(name, wants)),
        }
    }

    /// The error for a value that does not fit.
    pub fn wrong(&self, name: &'static str, wants: &str) -> ConfigError {
        let secret = known::find(name).is_none_or(|variable| variable.secret);
        let value = self.text(name).unwrap_or_default();
        let shown = if secret { String::new() } else { format!("={:?}", hide_credentials(value)) };
        ConfigError::Wrong { variable: name, shown, wants: wants.to_owned() }
    }

    /// Every setting with its effective value and where it comes from, secrets hidden: `--check-config`.
    pub fn describe(&self) -> String {
        let mut text = String::new();
        for variable in KNOWN {
            let origin = match self.given.get(variable.name).filter(|(value, _)| !value.is_empty()) {
                Some((_, Origin::Environment)) => "environment",
                Some((_, Origin::File)) => "file",
                None if variable.default.is_empty() => "not set",
                None => "default",
            };
            let _ = writeln!(text, "{}={}  # {origin}", variable.name, self.shown(variable));
        }
        text
    }

    fn shown(&self, variable: &Variable) -> String {
        match self.text(variable.name) {
            None => String::new(),
            Some(_) if variable.secret => "***".to_owned(),
            Some(value) => hide_credentials(value),
        }
    }

    fn take(&mut self, pairs: Vec<(String, String)>, origin: Origin) -> Result<(), ConfigError> {
        for (name, value) in pairs {
            let variable = known::find(&name).ok_or_else(|| unknown(name))?;
            self.given.insert(variable.name, (value, origin));
        }
        Ok(())
    }
}

/// A flat TOML table: `redis_url = "…"` stands for `RESEND_REDIS_URL`.
fn read_file(path: &str) -> Result<Vec<(String, String)>, ConfigError> {
    let wrong = |what: String| ConfigError::File(format!("{path}: {what}"));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    // The parser's own message would repeat the line, and with it perhaps a secret.
    let table: toml::Table = text.parse().map_err(|_| wrong("not a TOML table of settings".to_owned()))?;
    table
        .into_iter()
        .map(|(key, value)| {
            let value = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(flag) => flag.to_string(),
                _ => return Err(wrong(format!("{key} wants a string, a whole number, true or false"))),
            };
            Ok((format!("RESEND_{}", key.to_ascii_uppercase()), value))
        })
        .collect()
}

fn unknown(name: String) -> ConfigError {
    let nearest = KNOWN.iter().min_by_key(|variable| strsim::damerau_levenshtein(&name, variable.name));
    let hint = nearest
        .filter(|variable| strsim::damerau_levenshtein(&name, variable.name) <= NEAR)
        .map(|variable| format!(": did you mean {}?", variable.name))
        .unwrap_or_default();
    ConfigError::Unknown { name, hint }
}

/// Takes user and password out of URLs: `redis://:secret@host` → `redis://***@host`. Also where the value is no URL, and
/// out of one whose password has a comma: it may be shown because it is wrong.
fn hide_credentials(value: &str) -> String {
    let mut urls: Vec<String> = Vec::new();
    for part in value.split(',') {
        match urls.last_mut() {
            Some(url) if !part.contains("://") => *url = format!("{url},{part}"),
            _ => urls.push(part.to_owned()),
        }
    }
    let hidden = urls.iter().map(|url| {
        let (before, rest) = url.find("://").map_or(("", url.as_str()), |at| url.split_at(at + 3));
        rest.rsplit_once('@').map_or_else(|| url.clone(), |(_, host)| format!("{before}***@{host}"))
    });
    hidden.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        Settings::from_pairs(pairs.iter().copied()).unwrap()
    }

    #[test]
    fn a_misspelt_name_is_told_the_nearest_one() {
        let error = Settings::from_pairs([("RESEND_REDIS_ULR", "x")]).err().unwrap();
        assert_eq!(
            error.to_string(),
            "RESEND_REDIS_ULR is not a setting of this service: did you mean RESEND_REDIS_URL?"
        );
    }

    #[test]
    fn a_wrong_value_is_told_what_is_wanted() {
        let error =
            settings(&[("RESEND_LEASE_SECONDS", "half")]).number("RESEND_LEASE_SECONDS", "seconds", 2..=3600);
        assert_eq!(
            error.unwrap_err().to_string(),
            "RESEND_LEASE_SECONDS=\"half\" is not right: it wants a whole number of seconds from 2 to 3600"
        );
    }

    #[test]
    fn a_wrong_secret_is_not_repeated() {
        let error = settings(&[("RESEND_OTP_KEY", "hunter2")]).wrong("RESEND_OTP_KEY", "32 bytes in base64");
        assert_eq!(error.to_string(), "RESEND_OTP_KEY is not right: it wants 32 bytes in base64");
    }

    #[test]
    fn a_missing_value_is_named() {
        let error = settings(&[]).http_url("RESEND_REGISTRY_URL").unwrap_err();
        assert_eq!(error.to_string(), "RESEND_REGISTRY_URL is not set: it wants an http:// or https:// URL");
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
        ])
        .describe();
        assert!(!described.contains("hunter2"), "{described}");
        assert!(described.contains("RESEND_OTP_KEY=***  # environment\n"));
        assert!(described.contains("RESEND_REDIS_URL=redis://***@a:1,redis://b:2  # environment\n"));
        assert!(described.contains("RESEND_LEASE_SECONDS=30  # default\n"));
    }

    #[test]
    fn credentials_are_hidden_whatever_stands_around_them() {
        for (value, shown) in [
            ("redis://:hunter2@a:1/0,b:2", "redis://***@a:1/0,b:2"),
            ("redis://:hun,ter2@redis", "redis://***@redis"),
            (":hunter2@redis:6379", "***@redis:6379"),
            ("user:hun@ter2@host", "***@host"),
            ("http,smpp", "http,smpp"),
            ("https://a/b", "https://a/b"),
        ] {
            assert_eq!(hide_credentials(value), shown);
        }
    }

    #[test]
    fn every_default_is_listed_once() {
        let names: std::collections::HashSet<_> = KNOWN.iter().map(|variable| variable.name).collect();
        assert_eq!(names.len(), KNOWN.len());
    }
}
