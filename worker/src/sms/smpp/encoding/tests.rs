use proptest::prelude::*;

use super::*;

fn shape(text: &str) -> (bool, Vec<usize>) {
    let encoded = encode(text, 7).unwrap();
    (encoded.is_ucs2, encoded.parts.iter().map(Vec::len).collect())
}

#[test]
fn cyrillic_is_ucs2_of_70_letters_alone_and_67_in_parts() {
    assert_eq!(shape(&"ї".repeat(70)), (true, vec![140]));
    assert_eq!(shape(&"ї".repeat(71)), (true, vec![140, 6 + 8]));
    assert_eq!(encode("Код", 7).unwrap().parts, [[0x04, 0x1A, 0x04, 0x3E, 0x04, 0x34]]);
}

#[test]
fn plain_latin_is_the_default_alphabet_of_160_letters_alone_and_153_in_parts() {
    assert_eq!(shape(&"a".repeat(160)), (false, vec![160]));
    assert_eq!(shape(&"a".repeat(161)), (false, vec![6 + 153, 6 + 8]));
    assert_eq!(encode("code: 12", 7).unwrap().parts, [b"code: 12"]);
}

#[test]
fn letters_that_smscs_disagree_on_are_ucs2_unless_that_costs_a_part_more() {
    assert_eq!(shape("a@b"), (true, vec![6]));
    assert_eq!(shape(&format!("{}@", "a".repeat(69))), (true, vec![140]));
    let longer = format!("{}@€", "a".repeat(70));
    let encoded = encode(&longer, 7).unwrap();
    assert_eq!((encoded.is_ucs2, &encoded.parts[0][70..]), (false, &[0x00, 0x1B, 0x65][..]));
}

#[test]
fn parts_bear_the_header_that_joins_them() {
    let parts = encode(&"ї".repeat(135), 7).unwrap().parts;
    let headers: Vec<_> = parts.iter().map(|part| &part[..6]).collect();
    assert_eq!(headers, [&[5, 0, 3, 7, 3, 1], &[5, 0, 3, 7, 3, 2], &[5, 0, 3, 7, 3, 3]]);
}

#[test]
fn more_than_255_parts_are_refused() {
    assert!(encode(&"ї".repeat(67 * 255), 7).is_some());
    assert_eq!(encode(&"ї".repeat(67 * 255 + 1), 7), None);
}

proptest! {
    #[test]
    fn whatever_is_sent_as_ucs2_reads_as_it_was_written(text in "\\PC{1,300}") {
        let encoded = encode(&text, 7).unwrap();
        let most = if encoded.is_ucs2 { 140 } else { 160 };
        prop_assert!(encoded.parts.iter().all(|part| part.len() <= most));
        if encoded.is_ucs2 {
            let skip = if encoded.parts.len() > 1 { 6 } else { 0 };
            let read = encoded.parts.iter().map(|part| {
                let units: Vec<_> = part[skip..].chunks(2).map(|two| u16::from_be_bytes([two[0], two[1]])).collect();
                // Every part reads by itself: no letter is torn.
                String::from_utf16(&units).unwrap()
            });
            prop_assert_eq!(read.collect::<String>(), text);
        }
    }
}
