//! The message in the stream: ids only, tagged with a version. The worker reads the current person and approval itself,
//! so a message never becomes outdated and never holds personal data.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{ApprovalId, ClientId, JobId, PatientId, RequestId, TraceParent};

/// The only message of the queue: resend the code of an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The job.
    pub job: JobId,
    /// The patient that the request named.
    pub patient: PatientId,
    /// The approval.
    pub approval: ApprovalId,
    /// The request that created the job.
    pub request: RequestId,
    /// The client, for log lines. Messages of earlier builds have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// The request's trace, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceParent>,
}

/// The versions this build can read. A message of a later version is quarantined for a worker that can read it.
pub const VERSION: u32 = 1;

/// Why an entry of the stream is not a message.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON of the right shape.
    #[error("malformed: {0}")]
    Malformed(#[source] serde_json::Error),
    /// Written by a later build.
    #[error("unknown version {0}")]
    UnknownVersion(u32),
}

#[derive(Serialize)]
struct Tagged<'a> {
    v: u32,
    #[serde(flatten)]
    message: &'a Message,
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

impl Message {
    /// `patient/approval`, the pair that the request's URL named.
    pub fn path(&self) -> String {
        format!("{}/{}", self.patient, self.approval)
    }

    /// One line of JSON with its version first.
    pub fn encode(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Tagged { v: VERSION, message: self })
    }

    /// Reads the output of `encode` of this version. Unknown members are ignored: fields may be added without a new
    /// version, so that old and new workers can run side by side.
    pub fn decode(text: &[u8]) -> Result<Self, DecodeError> {
        let Version { v } = serde_json::from_slice(text).map_err(DecodeError::Malformed)?;
        if v != VERSION {
            return Err(DecodeError::UnknownVersion(v));
        }
        serde_json::from_slice(text).map_err(DecodeError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ENCODED: &str = r#"{"v":1,"job":"NBXk9EyErUZv1RhXgyvgg","patient":"aff00bf6-68bf-4b49-b66d-f031d48922b3","approval":"d5a5d991-0bf7-476f-b3cf-bec73f044b2e","request":"req-1"}"#;

    #[test]
    fn what_is_written_is_read_back() {
        let message = Message::decode(ENCODED.as_bytes()).unwrap();
        assert_eq!(message.encode().unwrap(), ENCODED);
    }

    #[test]
    fn its_path_names_the_patient_and_the_approval() {
        let message = Message::decode(ENCODED.as_bytes()).unwrap();
        assert_eq!(
            message.path(),
            "aff00bf6-68bf-4b49-b66d-f031d48922b3/d5a5d991-0bf7-476f-b3cf-bec73f044b2e"
        );
    }

    #[test]
    fn a_member_of_a_later_build_is_no_error() {
        let later = ENCODED.replace("\"request\"", "\"priority\":3,\"request\"");
        assert!(Message::decode(later.as_bytes()).is_ok());
    }

    #[test]
    fn a_later_version_is_told_from_garbage() {
        let later = ENCODED.replace("\"v\":1", "\"v\":2");
        assert!(matches!(Message::decode(later.as_bytes()), Err(DecodeError::UnknownVersion(2))));
        for garbage in [&b""[..], b"{}", b"[1]", b"\xff\xfe", br#"{"v":"1"}"#, br#"{"v":1,"job":"x"}"#] {
            assert!(matches!(Message::decode(garbage), Err(DecodeError::Malformed(_))));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Message::decode(&bytes);
        }

        #[test]
        fn a_message_survives_only_whole(cut in 0..ENCODED.len()) {
            prop_assert!(Message::decode(&ENCODED.as_bytes()[..cut]).is_err());
        }
    }
}
