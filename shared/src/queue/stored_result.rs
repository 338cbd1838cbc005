//! How a job's result is kept in its record. An approval is some 700 bytes, most of them the same in every approval, and it
//! lies in Redis for a day: it is compressed against those. Short results, as errors are, stay JSON that can be read in Redis.

use std::borrow::Cow;

use lz4_flex::block;

use super::error::QueueError;

/// What the approvals of the registry have in common, in the order of a result's members. Records that were written with
/// it cannot be read without it: another dictionary needs another `MARK`, and this one stays as long as records live.
const DICTIONARY: &[u8] = br#""reason":null,"granted_resource_types":[{"coding":[{"code":"diagnostic_report","system":"eHealth/resources"}],"text":""}],"is_verified":falsetrue,{"access_level":"read","authentication_method_current":{"number":"+380*****","type":"OTP"},"expires_at":1,"granted_resources":[{"display_value":null,"identifier":{"type":{"coding":[{"code":"episode_of_care","system":"eHealth/resources"}],"text":""},"value":""}}],"granted_to":{"display_value":null,"identifier":{"type":{"coding":[{"code":"employee","system":"eHealth/resources"}],"text":""},"value":""}},"id":"","reason":{"display_value":null,"identifier":{"type":{"coding":[{"code":"service_request","system":"eHealth/resources"}],"text":""},"value":""}},"status":"new"}"#;

/// The first byte of a compressed result, which no JSON begins with; then its length, four bytes, and an LZ4 block.
const MARK: u8 = 1;

/// Shorter results are kept as they are.
const WORTHWHILE: usize = 256;

/// Longest result that is read back. Longer ones are refused before anything is sent.
const LONGEST: usize = 1 << 20;

/// The result as a record keeps it.
pub(super) fn pack(result: &str) -> Cow<'_, [u8]> {
    if result.len() < WORTHWHILE {
        return Cow::Borrowed(result.as_bytes());
    }
    let mut packed = vec![MARK];
    packed.extend(block::compress_prepend_size_with_dict(result.as_bytes(), DICTIONARY));
    if packed.len() < result.len() { Cow::Owned(packed) } else { Cow::Borrowed(result.as_bytes()) }
}

/// The result that a record keeps.
pub(super) fn unpack(kept: Vec<u8>) -> Result<String, QueueError> {
    let result = match kept.split_first() {
        Some((&MARK, packed)) => decompress(packed).ok_or(QueueError::Corrupt("a job's result"))?,
        _ => kept,
    };
    String::from_utf8(result).map_err(|_| QueueError::Corrupt("a job's result"))
}

fn decompress(packed: &[u8]) -> Option<Vec<u8>> {
    let (length, block) = block::uncompressed_size(packed).ok()?;
    if length > LONGEST {
        return None;
    }
    block::decompress_with_dict(block, length, DICTIONARY).ok().filter(|result| result.len() == length)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use proptest::prelude::*;

    use super::*;

    const APPROVAL: &str = r#"{"access_level":"read","authentication_method_current":{"number":"+38093*****85","type":"OTP"},"expires_at":1498749591,"granted_resources":[{"display_value":null,"identifier":{"type":{"coding":[{"code":"episode_of_care","system":"eHealth/resources"}]},"value":"d5a5d991-0bf7-476f-b3cf-bec73f044b2e"}}],"granted_to":{"display_value":null,"identifier":{"type":{"coding":[{"code":"employee","system":"eHealth/resources"}]},"value":"9183a36b-4d45-4244-9339-63d81cd08d9c"}},"id":"d5a5d991-0bf7-476f-b3cf-bec73f044b2e","reason":{"display_value":null,"identifier":{"type":{"coding":[{"code":"service_request","system":"eHealth/resources"}]},"value":"9183a36b-4d45-4244-9339-63d81cd08d9c"}},"status":"new"}"#;

    /// In base64.
    const WRITTEN_BEFORE: &str = "AboCAAAPOwIzITkzPQIvODU/AguWNDk4NzQ5NTkxqwEGTAEAfQEPIgEqD0gCHAcYAfAXZDVhNWQ5OTEtMGJmNy00NzZmLWIzY2YtYmVjNzNmMDQ0YjJlIn1VAQTtAyB0b64BD68AKw9iAhQHqAD2FTkxODNhMzZiLTRkNDUtNDI0NC05MzM5LTYzZDgxY2QwOGQ5Y3wCD9YAEg+gAmUP1gAhBLoCYCJuZXcifQ==";

    #[test]
    fn an_approval_takes_a_third_of_its_length() {
        let packed = pack(APPROVAL);
        assert!(packed.len() * 3 < APPROVAL.len(), "{} of {}", packed.len(), APPROVAL.len());
        assert_eq!(unpack(packed.into_owned()).unwrap(), APPROVAL);
    }

    #[test]
    fn a_short_result_can_be_read_in_redis() {
        let error = r#"{"type":"not_found","message":"Approval not found"}"#;
        assert_eq!(pack(error), error.as_bytes());
        assert_eq!(unpack(error.as_bytes().to_vec()).unwrap(), error);
    }

    /// Fails where the dictionary is changed under records that were written with it.
    #[test]
    fn what_was_written_before_can_be_read() {
        let kept = BASE64_STANDARD.decode(WRITTEN_BEFORE).unwrap();
        assert_eq!(unpack(kept).unwrap(), APPROVAL);
    }

    #[test]
    fn nonsense_is_an_error() {
        let mut longer = pack(APPROVAL).into_owned();
        longer[1] += 1;
        let mut vast = pack(APPROVAL).into_owned();
        vast[1..5].fill(0xff);
        let cut = pack(APPROVAL)[..40].to_vec();
        for kept in [vec![MARK], longer, vast, cut, vec![0xff], vec![MARK, 4, 0, 0, 0, 0xf0]] {
            assert!(matches!(unpack(kept.clone()), Err(QueueError::Corrupt(_))), "{kept:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "\\PC{0,600}", times in 1_usize..4) {
            let text = text.repeat(times);
            prop_assert_eq!(unpack(pack(&text).into_owned()).unwrap(), text);
        }

        #[test]
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 1..200)) {
            bytes[0] = MARK;
            let _ = unpack(bytes);
        }
    }
}
