use super::*;

type Tlv<'a> = (u16, &'a [u8]);

/// A `deliver_sm` with this class, text and these TLVs.
fn body(esm_class: u8, text: &[u8], tlvs: &[Tlv<'_>]) -> Vec<u8> {
    let mut body = b"\0\x01\x01380931234585\0\x05\0eHealth\0".to_vec();
    body.push(esm_class);
    body.extend([0; 8]);
    body.push(u8::try_from(text.len()).unwrap());
    body.extend(text);
    for (tag, value) in tlvs {
        body.extend(tag.to_be_bytes());
        body.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        body.extend(*value);
    }
    body
}

fn deliver(esm_class: u8, text: &str, tlvs: &[Tlv<'_>]) -> Option<(String, MessageState)> {
    let receipt = of_deliver_sm(&body(esm_class, text.as_bytes(), tlvs)).unwrap();
    receipt.map(|receipt| (receipt.message_id, receipt.state))
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
        assert_eq!(deliver(4, &text(word), &[]), Some(("a1B2".to_owned(), state)), "{word}");
    }
}

#[test]
fn the_tlvs_win_over_the_text() {
    let expired = Some(("77".to_owned(), MessageState::Expired));
    for id in [&b"77\0"[..], b"77", b"77\0\0x"] {
        let tlvs = [(RECEIPTED_MESSAGE_ID, id), (0x1400, &b"odd"[..]), (MESSAGE_STATE, &[3])];
        assert_eq!(deliver(4, &text("DELIVRD"), &tlvs), expired, "{id:?}");
    }
    let empty = [(RECEIPTED_MESSAGE_ID, &b"77"[..]), (MESSAGE_STATE, &[])];
    assert_eq!(deliver(4, &text("DELIVRD"), &empty), Some(("77".to_owned(), MessageState::Delivered)));
}

#[test]
fn the_text_may_be_a_tlv() {
    let payload = text("DELIVRD");
    let tlvs = [(MESSAGE_PAYLOAD, payload.as_bytes())];
    assert_eq!(deliver(4, "", &tlvs), Some(("a1B2".to_owned(), MessageState::Delivered)));
}

#[test]
fn a_body_that_is_cut_off_is_told_apart_and_a_last_tlv_that_is_cut_off_is_passed_over() {
    let whole = body(4, text("DELIVRD").as_bytes(), &[]);
    for cut in 0..whole.len() {
        assert_eq!(of_deliver_sm(&whole[..cut]), Err(Truncated), "{cut}");
    }
    let mut odd = whole.clone();
    odd.extend([0x04, 0x27, 0x00, 0x09, 2]);
    assert!(of_deliver_sm(&odd).unwrap().is_some());
}

#[test]
fn what_names_no_message_or_no_state_is_no_receipt() {
    assert_eq!(deliver(0, &text("DELIVRD"), &[]), None, "a message of somebody's");
    for text in [
        text("MAYBE").as_str(),
        "",
        "stat:DELIVRD",
        "id: stat:DELIVRD",
        "xid:1 stat:DELIVRD",
        "text:id:1 stat:DELIVRD",
    ] {
        assert_eq!(deliver(4, text, &[]), None, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_without_harm(octets in proptest::collection::vec(0_u8.., 0..255)) {
        for receipt in [of_deliver_sm(&octets), of_data_sm(&octets), of_deliver_sm(&body(4, &octets, &[]))] {
            if let Ok(Some(receipt)) = receipt {
                proptest::prop_assert!(!receipt.message_id.is_empty() && receipt.message_id.len() <= 64);
            }
        }
    }
}
