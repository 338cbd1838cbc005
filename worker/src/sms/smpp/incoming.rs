//! Handles each PDU of the SMSC before the library sees it: what the library waits for is passed on without anything
//! that might confuse it, and the SMSC's own requests are answered here. So an unreadable PDU costs that PDU and not
//! the session.
//!
//! | PDU | handling |
//! |---|---|
//! | answers to ours | passed on: of `submit_sm_resp` the message id, of the others the header alone |
//! | `enquire_link`, `unbind`, `generic_nack` | the header is passed on |
//! | `deliver_sm`, `data_sm` | receipts are counted, all are acknowledged; one that cannot be read is refused for good |
//! | other requests | refused (`generic_nack`, invalid command id) |
//! | other answers | ignored |
//! | one of an impossible length | refused (`generic_nack`, invalid command length) |

use bytes::Bytes;
use shared::telemetry::LogThrottle;

use super::frame::{Frame, Pdu};
use super::receipt;

/// Command ids (SMPP 3.4, section 5.1.2.1); an answer has the first bit set.
const ANSWER: u32 = 0x8000_0000;
const GENERIC_NACK: u32 = 0x8000_0000;
const BIND_TRANSCEIVER_RESP: u32 = 0x8000_0009;
const SUBMIT_SM_RESP: u32 = 0x8000_0004;
const UNBIND_RESP: u32 = 0x8000_0006;
const ENQUIRE_LINK_RESP: u32 = 0x8000_0015;
const DELIVER_SM: u32 = 0x05;
const UNBIND: u32 = 0x06;
const ENQUIRE_LINK: u32 = 0x15;
const DATA_SM: u32 = 0x103;

/// Command statuses (section 5.1.3).
const OK: u32 = 0;
const INVALID_LENGTH: u32 = 0x02;
const INVALID_COMMAND: u32 = 0x03;
/// Permanent application error: the same PDU must not be sent again.
const REFUSED_FOR_GOOD: u32 = 0x65;

/// Longest message id (section 5.2.23) and system id (section 5.2.1), without their NUL.
const MESSAGE_ID: usize = 64;
const SYSTEM_ID: usize = 15;

/// The handling of a PDU.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Pass this one on to the library.
    HandOn(Pdu),
    /// Send this answer to the SMSC.
    Answer(Pdu),
    /// Ignore it.
    Ignore,
}

/// Decides how to handle one PDU.
pub(super) fn take(frame: Frame) -> Action {
    let pdu = match frame {
        Frame::Pdu(pdu) => pdu,
        Frame::BadLength { sequence } => return refuse(GENERIC_NACK, INVALID_LENGTH, sequence),
    };
    let Pdu { id, status, sequence, ref body } = pdu;
    match id {
        SUBMIT_SM_RESP if status == OK => Action::HandOn(with_word(&pdu, MESSAGE_ID)),
        BIND_TRANSCEIVER_RESP if status == OK => Action::HandOn(with_word(&pdu, SYSTEM_ID)),
        SUBMIT_SM_RESP
        | BIND_TRANSCEIVER_RESP
        | UNBIND_RESP
        | ENQUIRE_LINK_RESP
        | GENERIC_NACK
        | UNBIND
        | ENQUIRE_LINK => Action::HandOn(Pdu::bare(id, status, sequence)),
        DELIVER_SM | DATA_SM => {
            let read =
                if id == DELIVER_SM { receipt::of_deliver_sm(body) } else { receipt::of_data_sm(body) };
            let Ok(receipt) = read else { return refuse(id | ANSWER, REFUSED_FOR_GOOD, sequence) };
            receipt.iter().for_each(receipt::note);
            // Both answers contain an empty message id.
            Action::Answer(Pdu { body: Bytes::from_static(&[0]), ..Pdu::bare(id | ANSWER, OK, sequence) })
        }
        id if id & ANSWER == 0 => refuse(GENERIC_NACK, INVALID_COMMAND, sequence),
        _ => Action::Ignore,
    }
}

fn refuse(id: u32, status: u32, sequence: u32) -> Action {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Some(suppressed) = THROTTLE.allow() {
        let status = format!("{status:#04x}");
        tracing::warn!(status, suppressed, "a PDU of the SMSC was refused: it cannot be read");
    }
    Action::Answer(Pdu::bare(id, status, sequence))
}

/// The PDU with only the first word of its body, terminated as the library requires.
fn with_word(pdu: &Pdu, longest: usize) -> Pdu {
    let word = pdu.body.iter().copied().take_while(|octet| *octet != 0).filter(u8::is_ascii_graphic);
    let body: Bytes = word.take(longest).chain([0]).collect();
    Pdu { body, ..Pdu::bare(pdu.id, pdu.status, pdu.sequence) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pdu(id: u32, status: u32, body: &'static [u8]) -> Pdu {
        Pdu { body: Bytes::from_static(body), ..Pdu::bare(id, status, 7) }
    }

    fn taken(pdu: Pdu) -> Action {
        take(Frame::Pdu(pdu))
    }

    /// `service_type`, source, destination, `esm_class` of a receipt, six more octets, and the text "x".
    const DELIVER: &[u8] = b"\0\x01\x01380931234585\0\x05\0eHealth\0\x04\0\0\0\0\0\0\0\0\x01x";

    #[test]
    fn an_answer_is_handed_on_with_what_is_wanted_of_it_alone() {
        for (body, id) in [
            (&b"m1\0"[..], &b"m1\0"[..]),
            (b"m1", b"m1\0"),
            (b"m1\0\x14\x30\x00\x99odd", b"m1\0"),
            (b"m\n1\xFF\0", b"m1\0"),
            (b"", b"\0"),
        ] {
            let handed_on = Action::HandOn(pdu(SUBMIT_SM_RESP, OK, id));
            assert_eq!(taken(pdu(SUBMIT_SM_RESP, OK, body)), handed_on, "{body:?}");
        }
        let long = Pdu { body: vec![b'1'; 300].into(), ..pdu(SUBMIT_SM_RESP, OK, b"") };
        let Action::HandOn(Pdu { body, .. }) = taken(long) else { panic!("handed on") };
        assert_eq!(body.len(), MESSAGE_ID + 1);
    }

    #[test]
    fn refusals_are_handed_on_with_and_without_a_body() {
        for body in [&b""[..], b"\0", b"why not\0", b"no end"] {
            let bare = Action::HandOn(pdu(SUBMIT_SM_RESP, 0x58, b""));
            assert_eq!(taken(pdu(SUBMIT_SM_RESP, 0x58, body)), bare);
        }
        for id in [GENERIC_NACK, ENQUIRE_LINK_RESP, UNBIND_RESP, ENQUIRE_LINK, UNBIND] {
            assert_eq!(taken(pdu(id, 3, b"trailing")), Action::HandOn(pdu(id, 3, b"")));
        }
        let bound = taken(pdu(BIND_TRANSCEIVER_RESP, OK, b"smsc\0\x02\x10\0\x01\x34"));
        assert_eq!(bound, Action::HandOn(pdu(BIND_TRANSCEIVER_RESP, OK, b"smsc\0")));
    }

    #[test]
    fn what_the_smsc_brings_is_acknowledged() {
        assert_eq!(taken(pdu(DELIVER_SM, 0, DELIVER)), Action::Answer(pdu(DELIVER_SM | ANSWER, OK, b"\0")));
        let data = b"\0\x01\x01380931234585\0\x05\0eHealth\0\x04\0\0";
        assert_eq!(taken(pdu(DATA_SM, 0, data)), Action::Answer(pdu(DATA_SM | ANSWER, OK, b"\0")));
    }

    #[test]
    fn what_cannot_be_read_is_refused_alone() {
        for cut in 0..DELIVER.len() {
            let answer = Action::Answer(pdu(DELIVER_SM | ANSWER, REFUSED_FOR_GOOD, b""));
            assert_eq!(taken(pdu(DELIVER_SM, 0, &DELIVER[..cut])), answer, "{cut}");
        }
        let nack = |status| Action::Answer(pdu(GENERIC_NACK, status, b""));
        assert_eq!(taken(pdu(0x1234, 0, b"??")), nack(INVALID_COMMAND));
        assert_eq!(take(Frame::BadLength { sequence: 7 }), nack(INVALID_LENGTH));
        assert_eq!(taken(pdu(0x8000_1234, 0, b"??")), Action::Ignore);
    }

    proptest::proptest! {
        #[test]
        fn no_pdu_makes_it_panic(id: u32, status: u32, body: Vec<u8>) {
            for id in [id, DELIVER_SM, DATA_SM, SUBMIT_SM_RESP, BIND_TRANSCEIVER_RESP] {
                take(Frame::Pdu(Pdu { body: body.clone().into(), ..Pdu::bare(id, status, 7) }));
            }
        }
    }
}
