//! PDUs as octets: where each ends, and its header. Bodies are not parsed, so whatever a peer sends is a sequence of
//! PDUs.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio_util::codec::Decoder;

/// Octets of a header (SMPP 3.4, section 3.2).
pub(super) const HEADER: usize = 16;

/// Longest PDU that is read; longer ones are skipped. A message of 64 KiB in a TLV still fits.
const LONGEST: usize = 128 * 1024;

/// From this length on it is impossible to tell where the next PDU begins.
const NONSENSE: usize = 16 * 1024 * 1024;

/// One PDU, or why it is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// A whole PDU.
    Pdu(Pdu),
    /// Its length is impossible, or over the limit; it was skipped. Contains the known part of its header.
    BadLength { sequence: u32 },
}

/// A PDU whose body was not parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pdu {
    pub(super) id: u32,
    pub(super) status: u32,
    pub(super) sequence: u32,
    pub(super) body: Bytes,
}

/// Splits octets into PDUs.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Octets still to come of a PDU that is skipped.
    skipping: usize,
}

impl Pdu {
    /// A PDU without a body.
    pub(super) fn bare(id: u32, status: u32, sequence: u32) -> Self {
        Self { id, status, sequence, body: Bytes::new() }
    }

    /// Its octets.
    pub(super) fn encode(&self) -> Vec<u8> {
        let length = u32::try_from(HEADER + self.body.len()).unwrap_or(u32::MAX);
        let header = [length, self.id, self.status, self.sequence].map(u32::to_be_bytes);
        [&header.concat()[..], &self.body].concat()
    }
}

impl Frames {
    fn skip(&mut self, octets: &mut BytesMut) {
        let now = self.skipping.min(octets.len());
        octets.advance(now);
        self.skipping -= now;
    }
}

impl Decoder for Frames {
    type Item = Frame;
    type Error = io::Error;

    fn decode(&mut self, octets: &mut BytesMut) -> Result<Option<Frame>, io::Error> {
        self.skip(octets);
        let Some(length) = word(octets, 0).filter(|_| self.skipping == 0) else { return Ok(None) };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length < size_of::<u32>() || length > NONSENSE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the stream is not SMPP"));
        }
        if !(HEADER..=LONGEST).contains(&length) {
            let Some(sequence) = word(octets, 12).or((length < HEADER).then_some(0)) else { return Ok(None) };
            let sequence = if length < HEADER { 0 } else { sequence };
            self.skipping = length;
            self.skip(octets);
            return Ok(Some(Frame::BadLength { sequence }));
        }
        if octets.len() < length {
            return Ok(None);
        }
        let mut pdu = octets.split_to(length).freeze();
        let [_, id, status, sequence] = [(); 4].map(|()| pdu.get_u32());
        Ok(Some(Frame::Pdu(Pdu { id, status, sequence, body: pdu })))
    }
}

fn word(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..)?.first_chunk().map(|word| u32::from_be_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(octets: &[u8], chunk: usize) -> Vec<Frame> {
        let (mut frames, mut buffer, mut seen) = (Frames::default(), BytesMut::new(), Vec::new());
        for part in octets.chunks(chunk) {
            buffer.extend_from_slice(part);
            while let Some(frame) = frames.decode(&mut buffer).unwrap() {
                seen.push(frame);
            }
        }
        assert!(buffer.is_empty() && frames.skipping == 0, "nothing is left over");
        seen
    }

    #[test]
    fn pdus_are_cut_out_however_they_arrive() {
        let one = Pdu { id: 5, status: 0, sequence: 7, body: Bytes::from_static(b"anything at all") };
        let two = Pdu::bare(0x15, 0, 8);
        let octets = [one.encode(), two.encode()].concat();
        for chunk in [1, 3, 16, 1_000] {
            assert_eq!(
                decoded(&octets, chunk),
                [Frame::Pdu(one.clone()), Frame::Pdu(two.clone())],
                "{chunk}"
            );
        }
    }

    #[test]
    fn one_of_an_impossible_length_is_passed_over_alone() {
        let next = Pdu::bare(0x15, 0, 8);
        let short = [&[0, 0, 0, 9][..], b"short", &next.encode()].concat();
        let long = Pdu { id: 5, status: 0, sequence: 7, body: vec![1; LONGEST].into() };
        let long = [long.encode(), next.encode()].concat();
        for (octets, sequence) in [(short, 0), (long, 7)] {
            for chunk in [1, 5, 100_000] {
                let seen = decoded(&octets, chunk);
                assert_eq!(seen, [Frame::BadLength { sequence }, Frame::Pdu(next.clone())], "{chunk}");
            }
        }
    }

    #[test]
    fn a_stream_that_is_not_smpp_is_told_from_a_bad_pdu() {
        for octets in [&b"SSH-2.0-OpenSSH_9.6\r\n"[..], &[0, 0, 0, 3]] {
            assert!(Frames::default().decode(&mut BytesMut::from(octets)).is_err());
        }
    }

    proptest::proptest! {
        #[test]
        fn no_octets_make_it_panic_or_hold_more_than_one_pdu(octets: Vec<u8>) {
            let (mut frames, mut buffer) = (Frames::default(), BytesMut::from(&octets[..]));
            while let Ok(Some(_)) = frames.decode(&mut buffer) {}
            proptest::prop_assert!(buffer.len() <= octets.len());
        }
    }
}
