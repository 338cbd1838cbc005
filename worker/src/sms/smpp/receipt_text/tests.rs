use rusmpp::tlvs::MessageDeliveryRequestTlvValue as Tlv;
use rusmpp::types::{COctetString, OctetString};
use rusmpp::values::EsmClass;

use super::*;

fn deliver(esm_class: u8, text: &str, tlvs: Vec<Tlv>) -> Option<(String, MessageState)> {
    let mut deliver = DeliverSm::builder().esm_class(EsmClass::from(esm_class)).build();
    deliver.set_short_message(OctetString::from_slice(text.as_bytes()).unwrap());
    deliver.set_tlvs(tlvs);
    receipt(&deliver).map(|receipt| (receipt.message_id, receipt.state))
}

fn text(stat: &str) -> String {
    format!(
        "id:a1B2 sub:001 dlvrd:001 submit date:2611240400 done date:2611240401 stat:{stat} err:000 text:id:9 stat:X"
    )
}

#[test]
fn the_text_of_a_receipt_names_message_and_state() {
    for (word, state) in [
        ("ENROUTE", MessageState::Enroute),
        ("DELIVRD", MessageState::Delivered),
        ("EXPIRED", MessageState::Expired),
        ("DELETED", MessageState::Deleted),
        ("UNDELIV", MessageState::Undeliverable),
        ("ACCEPTD", MessageState::Accepted),
        ("UNKNOWN", MessageState::Unknown),
        ("REJECTD", MessageState::Rejected),
        ("delivrd", MessageState::Delivered),
    ] {
        assert_eq!(deliver(4, &text(word), vec![]), Some(("a1B2".to_owned(), state)), "{word}");
    }
}

#[test]
fn the_tlvs_win_over_the_text() {
    let id = Tlv::ReceiptedMessageId(COctetString::from_slice(b"77\0").unwrap());
    let state = Tlv::MessageState(Wire::Expired);
    assert_eq!(deliver(4, &text("DELIVRD"), vec![id, state]), Some(("77".to_owned(), MessageState::Expired)));
}

#[test]
fn what_names_no_message_or_no_state_is_no_receipt() {
    assert_eq!(deliver(0, &text("DELIVRD"), vec![]), None, "a message of somebody's");
    for text in [
        text("MAYBE").as_str(),
        "",
        "stat:DELIVRD",
        "id: stat:DELIVRD",
        "xid:1 stat:DELIVRD",
        "text:id:1 stat:DELIVRD",
    ] {
        assert_eq!(deliver(4, text, vec![]), None, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_without_harm(octets in proptest::collection::vec(0_u8.., 0..255)) {
        let mut deliver = DeliverSm::builder().esm_class(EsmClass::from(4)).build();
        deliver.set_short_message(OctetString::from_vec(octets).unwrap());
        if let Some(receipt) = receipt(&deliver) {
            proptest::prop_assert!(!receipt.message_id.is_empty() && receipt.message_id.len() <= 64);
        }
    }
}
