use rusmpp::pdus::SubmitSmResp;
use rusmpp::{Command, CommandStatus, Pdu};

use super::*;

fn answered_with(status: u32, pdu: Pdu) -> SubmitResult {
    let response = Command::new(CommandStatus::from(status), 1, pdu);
    judge(Err(Error::UnexpectedResponse { response: Box::new(response) })).result
}

fn answered(status: u32) -> SubmitResult {
    answered_with(status, Pdu::SubmitSmResp(SubmitSmResp::default()))
}

#[test]
fn every_row_of_the_error_table_leads_to_its_submission() {
    let rests = SubmitResult::Throttled { retry_after: Some(Duration::from_secs(1)) };
    for (statuses, expected) in [
        (&[0x58, 0x14][..], rests),
        (&[0x08, 0x64], SubmitResult::Throttled { retry_after: None }),
        (&[0x0B, 0x50, 0x51], SubmitResult::Rejected),
        (
            &[0x01, 0x04, 0x0A, 0x0D, 0x0E, 0x0F, 0x15, 0x48, 0x53, 0x62, 0x65, 0x104],
            SubmitResult::ChannelUnavailable,
        ),
        (&[0x45, 0xFE, 0xFF, 0x400, 0xFFFF_FFFF], SubmitResult::Indeterminate { silent: false }),
    ] {
        for status in statuses {
            assert_eq!(answered(*status), expected, "{status:#x}");
        }
    }
}

#[test]
fn success_without_a_name_is_a_message_taken_all_the_same() {
    assert_eq!(judge(Ok(String::new())).result, SubmitResult::Accepted { message_id: None });
    // Whatever this is, it is no answer to a submit.
    assert_eq!(answered_with(0, Pdu::GenericNack), SubmitResult::Indeterminate { silent: false });
}

#[test]
fn where_no_answer_comes_the_message_may_have_been_taken() {
    let timeout = Error::ResponseTimeout { sequence_number: 1, timeout: Duration::from_secs(1) };
    for error in [timeout, Error::ConnectionClosed, Error::ConnectionClosedByPeer] {
        assert_eq!(judge(Err(error)).result, SubmitResult::Indeterminate { silent: true });
    }
}
