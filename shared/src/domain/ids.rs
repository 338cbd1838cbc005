//! Identifiers, parsed once at the edge and trusted afterwards.

use std::fmt;
use std::str::FromStr;

use rand::RngExt;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::{Builder, Uuid};

/// Length of a job id: 21 characters of 64, so 126 bits from a cryptographic generator.
pub const JOB_ID_LENGTH: usize = 21;

/// A malformed identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{wants}")]
pub struct InvalidId {
    /// What a well-formed one looks like.
    pub wants: &'static str,
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Accepts only the hyphenated form: one id, one spelling, one key in Redis.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let wrong = InvalidId { wants: "a UUID such as aff00bf6-68bf-4b49-b66d-f031d48922b3" };
                if text.len() != 36 {
                    return Err(wrong);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| wrong)
            }
        }
    };
}

uuid_id! {
    /// A person in the registry (`patient_id`, the specification's `mpi_id`).
    PatientId
}
uuid_id! {
    /// An approval in the registry.
    ApprovalId
}

/// A job, as in `/Jobs/NBXk9EyErUZv1RhXgyvgg`: a 21-character nanoid that cannot be guessed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct JobId(String);

impl JobId {
    /// A new id, from the thread's cryptographic generator, which the operating system seeds and reseeds. Asking the
    /// system itself would cost a system call per id.
    pub fn generate() -> Self {
        let random = |size| {
            let mut bytes = vec![0; size];
            rand::rng().fill(&mut bytes[..]);
            bytes
        };
        Self(nanoid::format(random, &nanoid::alphabet::SAFE, JOB_ID_LENGTH))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for JobId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if text.len() == JOB_ID_LENGTH && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId { wants: "21 characters of A-Z, a-z, 0-9, _ and -" })
        }
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

macro_rules! visible_id {
    ($(#[$doc:meta])* $name:ident, $longest:literal, $wants:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let fits = !text.is_empty() && text.len() <= $longest;
                if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId { wants: $wants })
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

visible_id! {
    /// The caller: `client_id` of the token, or `sub` if it has none. It owns the jobs it creates.
    ClientId, 255, "1 to 255 visible ASCII characters"
}
visible_id! {
    /// `X-Request-Id`: the client's or a new one, carried from the request through the queue to upstream calls.
    RequestId, 128, "1 to 128 visible ASCII characters"
}
visible_id! {
    /// A W3C `traceparent` header, passed on unparsed.
    TraceParent, 128, "a W3C traceparent of at most 128 visible ASCII characters"
}
visible_id! {
    /// `Idempotency-Key` of a request.
    IdempotencyKey, 255, "1 to 255 visible ASCII characters"
}

impl RequestId {
    /// A new one, for a request without an id; from the same generator as job ids.
    pub fn generate() -> Self {
        let id = Builder::from_random_bytes(rand::random()).into_uuid();
        Self(id.hyphenated().to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn job_ids_are_21_url_safe_characters_and_differ() {
        let ids: std::collections::HashSet<_> = (0..1_000).map(|_| JobId::generate()).collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| id.as_str().parse::<JobId>().as_ref() == Ok(id)));
    }

    #[test]
    fn anything_else_is_no_job_id() {
        for text in [
            "",
            "NBXk9EyErUZv1RhXgyvg",
            "NBXk9EyErUZv1RhXgyvggg",
            "NBXk9EyErUZv1RhXgy/gg",
            "NBXk9EyErUZv1RhXgyvя",
        ] {
            assert!(text.parse::<JobId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_uuid_has_one_spelling() {
        let upper: PatientId = "AFF00BF6-68BF-4B49-B66D-F031D48922B3".parse().unwrap();
        assert_eq!(upper.to_string(), "aff00bf6-68bf-4b49-b66d-f031d48922b3");
        for text in [
            "aff00bf668bf4b49b66df031d48922b3",
            "{aff00bf6-68bf-4b49-b66d-f031d48922b3}",
            "aff00bf6-68bf-4b49-b66d-f031d48922bz",
        ] {
            assert!(text.parse::<PatientId>().is_err(), "{text}");
        }
    }

    #[test]
    fn request_ids_are_visible_and_bounded() {
        assert!("req-adasdoijasdojsda".parse::<RequestId>().is_ok());
        assert!("a".repeat(128).parse::<RequestId>().is_ok());
        for text in [String::new(), "a".repeat(129), "a b".into(), "a\n".into(), "ї".into()] {
            assert!(text.parse::<RequestId>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_written_as_it_was_read(text in "[\\x00-\\x7F]{0,40}") {
            if let Ok(job) = text.parse::<JobId>() {
                prop_assert_eq!(job.as_str(), &text);
            }
            if let Ok(patient) = text.parse::<PatientId>() {
                prop_assert_eq!(patient.to_string(), text.to_lowercase());
            }
            if let Ok(request) = text.parse::<RequestId>() {
                prop_assert!(request.as_str() == text && text.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }

        #[test]
        fn every_right_id_is_taken(job in "[A-Za-z0-9_-]{21}", uuid in "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}") {
            prop_assert!(job.parse::<JobId>().is_ok() && uuid.parse::<ApprovalId>().is_ok());
        }
    }
}
