//! What is refused before any route is asked: the only request of a connection too many, and heads that are too large or that
//! two servers in a row could understand differently.

use axum::extract::Request;
use axum::http::{HeaderMap, header};
use shared::runtime::http::Connection;

use crate::request::url::names_one_host;
use crate::responses::error::ApiError;

/// Most headers, and most bytes of them with the request line. The parser's own bounds are higher, so that up to there
/// the answer can have the usual shape.
const HEAD_LIMITS: (usize, usize) = (64, 16 * 1024);

/// Longest path with query, in bytes.
const URI_LIMIT: usize = 8 * 1024;

/// Why the request is refused, if it is.
pub(super) fn refusal(connection: &Connection, request: &Request) -> Option<ApiError> {
    if connection.is_excess { Some(ApiError::Overloaded) } else { refusal_of_head(request) }
}

fn refusal_of_head(request: &Request) -> Option<ApiError> {
    let uri = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    let headers = request.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if uri > URI_LIMIT {
        Some(ApiError::UriTooLong)
    } else if headers.len() > HEAD_LIMITS.0 || uri + bytes > HEAD_LIMITS.1 {
        Some(ApiError::HeadTooLarge)
    } else if !names_one_host(request) {
        Some(ApiError::HostInvalid)
    } else if !is_plainly_framed(headers) {
        Some(ApiError::TransferCodingUnsupported)
    } else {
        None
    }
}

/// Whether the body is in no transfer coding but `chunked`: the parser undoes no other (RFC 9112, 6.1).
fn is_plainly_framed(headers: &HeaderMap) -> bool {
    let mut codings = headers
        .get_all(header::TRANSFER_ENCODING)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii);
    codings.next().is_none_or(|first| first.eq_ignore_ascii_case(b"chunked")) && codings.next().is_none()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn no_transfer_coding_but_chunked_is_taken() {
        let framed = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::TRANSFER_ENCODING, HeaderValue::from_static(line));
            }
            is_plainly_framed(&headers)
        };
        assert!(framed(&[]) && framed(&["chunked"]) && framed(&["Chunked"]));
        for lines in
            [&["gzip, chunked"][..], &["gzip", "chunked"], &["identity"], &["chunked, chunked"], &[""]]
        {
            assert!(!framed(lines), "{lines:?}");
        }
    }
}
