//! Who signed a receipt: `t=<Unix seconds>,v1=<hex>`, HMAC-SHA256 of `<t>.<channel>.<body>`.

use axum::http::HeaderMap;
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretSlice};

const HEADER: &str = "x-resend-signature";

/// How far the time that was signed may be from ours, seconds: a receipt that was overheard is soon of no use.
const LEEWAY: u64 = 300;

/// Bytes of a signature.
const LENGTH: usize = 32;

/// Knows what signatures are made with.
pub(super) struct Signatures(Vec<hmac::Key>);

impl Signatures {
    pub(super) fn new(secrets: &[SecretSlice<u8>]) -> Self {
        let key = |secret: &SecretSlice<u8>| hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret());
        Self(secrets.iter().map(key).collect())
    }

    /// Whether the headers hold a signature of this body for this channel, of about now.
    pub(super) fn hold(&self, headers: &HeaderMap, channel: &str, body: &[u8], now: u64) -> bool {
        let header = headers.get(HEADER).and_then(|header| header.to_str().ok());
        let Some((time, signature)) = header.and_then(read) else { return false };
        if time.abs_diff(now) > LEEWAY {
            return false;
        }
        let signed = [format!("{time}.{channel}.").as_bytes(), body].concat();
        self.0.iter().any(|key| hmac::verify(key, &signed, &signature).is_ok())
    }
}

fn read(header: &str) -> Option<(u64, [u8; LENGTH])> {
    let (time, signature) = header.split_once(',')?;
    let time = time.trim().strip_prefix("t=")?;
    let is_plain = (1..=12).contains(&time.len()) && time.bytes().all(|byte| byte.is_ascii_digit());
    Some((time.parse().ok().filter(|_| is_plain)?, from_hex(signature.trim().strip_prefix("v1=")?)?))
}

fn from_hex(text: &str) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    if text.len() != 2 * LENGTH || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_000_000;
    /// `printf '1795000000.http.{}' | openssl dgst -sha256 -mac hmac -macopt hexkey:` and 32 bytes of 0x01.
    const SIGNED: &str = "d89548482dc30345603488b065524f08aa76eb1413faf0f56f056bb50ad1b3c9";

    fn holds(secrets: &[u8], header: &str, channel: &str, body: &str, now: u64) -> bool {
        let secrets: Vec<SecretSlice<u8>> = secrets.iter().map(|byte| vec![*byte; 32].into()).collect();
        let headers = HeaderMap::from_iter([(HEADER.parse().unwrap(), header.parse().unwrap())]);
        Signatures::new(&secrets).hold(&headers, channel, body.as_bytes(), now)
    }

    #[test]
    fn a_signature_is_of_time_channel_and_body_under_either_secret() {
        let header = format!("t={NOW},v1={SIGNED}");
        assert!(holds(&[1], &header, "http", "{}", NOW));
        assert!(holds(&[2, 1], &header, "http", "{}", NOW), "while rotating");
        assert!(!holds(&[2], &header, "http", "{}", NOW));
        assert!(!holds(&[1], &header, "smpp", "{}", NOW));
        assert!(!holds(&[1], &header, "http", "{} ", NOW));
        assert!(!holds(&[1], &format!("t={},v1={SIGNED}", NOW + 1), "http", "{}", NOW));
    }

    #[test]
    fn a_signature_lasts_five_minutes() {
        let header = format!("t={NOW},v1={SIGNED}");
        assert!(
            holds(&[1], &header, "http", "{}", NOW + LEEWAY)
                && holds(&[1], &header, "http", "{}", NOW - LEEWAY)
        );
        assert!(!holds(&[1], &header, "http", "{}", NOW + LEEWAY + 1));
        assert!(!holds(&[1], &header, "http", "{}", NOW - LEEWAY - 1));
    }

    #[test]
    fn what_is_no_signature_holds_for_nothing() {
        for header in
            ["", "t=1,v1=", "v1=00,t=1", &format!("t=+{NOW},v1={SIGNED}"), &format!("t={NOW},v1={SIGNED}0")]
        {
            assert!(!holds(&[1], header, "http", "{}", NOW), "{header}");
        }
        assert!(!Signatures::new(&[vec![1; 32].into()]).hold(&HeaderMap::new(), "http", b"{}", NOW));
    }
}
