//! The HTTP parser answers the requests it refuses itself, with an empty body. Clients are promised the envelope and a
//! request id in every answer, so such an answer is recognised on its way out and replaced.

use serde_json::json;

use crate::domain::ids::RequestId;
use crate::domain::outcome::{ErrorBody, Reason};

/// The refusal with the envelope as its body, if `head` is one; services never answer these statuses with an empty
/// body.
pub(super) fn with_body(head: &[u8]) -> Option<Vec<u8>> {
    let status = head.strip_prefix(b"HTTP/1.1 ").or_else(|| head.strip_prefix(b"HTTP/1.0 "))?;
    let (line, reason, message) = match status.get(..3)? {
        b"400" => ("400 Bad Request", Reason::RequestInvalid, "Request can not be read"),
        b"414" => ("414 URI Too Long", Reason::HeadTooLarge, "Request URI is too long"),
        b"431" => {
            ("431 Request Header Fields Too Large", Reason::HeadTooLarge, "Request headers are too large")
        }
        _ => return None,
    };
    let text = std::str::from_utf8(head).ok()?;
    let is_empty = text.ends_with("\r\n\r\n") && text.contains("\r\ncontent-length: 0\r\n");
    if !is_empty || text.contains("\r\nx-request-id: ") {
        return None;
    }
    tracing::info!(status = line, "request refused by the parser");
    Some(refusal(line, reason, message))
}

fn refusal(line: &str, reason: Reason, message: &'static str) -> Vec<u8> {
    let (code, request_id) = (line[..3].parse().unwrap_or(400), RequestId::generate());
    let body = json!({
        "error": ErrorBody::new(code, reason, message),
        "meta": {"code": code, "url": "/", "type": "object", "request_id": request_id.as_str()},
    });
    let body = body.to_string();
    format!(
        "HTTP/1.1 {line}\r\ncontent-type: application/json\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         x-content-type-options: nosniff\r\nx-request-id: {}\r\nconnection: close\r\n\r\n{body}",
        body.len(),
        request_id.as_str(),
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_the_parser_gets_the_envelope_and_a_request_id() {
        let head = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\ndate: now\r\n\r\n";
        let answer = String::from_utf8(with_body(head).unwrap()).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["error"]["reason"], "head_too_large");
        assert_eq!(body["error"]["type"], "request_too_large");
        assert!(head.contains(&format!("x-request-id: {}", body["meta"]["request_id"].as_str().unwrap())));
    }

    #[test]
    fn answers_of_services_are_left_alone() {
        for head in [
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 20\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\nx-request-id: a\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "data",
        ] {
            assert_eq!(with_body(head.as_bytes()), None, "{head}");
        }
    }
}
