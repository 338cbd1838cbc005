//! The body of a check: `{"code":"012345"}`, or the code as a number, which has lost its leading zeros.

use serde_json::Value;
use shared::sending::codes::Code;

use crate::responses::error::ApiError;
use crate::responses::violation::{Rule, Violation};

const REQUIRED: Rule =
    Rule { name: "required", params: &[], description: "required property code was not present" };

const DIGITS: Rule =
    Rule { name: "format", params: &["code"], description: "must be a code of digits as it was sent" };

/// The code in it. The outer error is that of a body that is no JSON at all.
pub(super) fn code(body: &[u8], digits: u8) -> Result<Result<Code, Violation>, ApiError> {
    let body: Value = serde_json::from_slice(body).map_err(|_| ApiError::BodyUnreadable)?;
    let width = usize::from(digits);
    let text = match &body["code"] {
        Value::Null => return Ok(Err(Violation::request("$.code", REQUIRED))),
        Value::String(text) => text.clone(),
        Value::Number(number) => {
            number.as_u64().map(|number| format!("{number:0width$}")).unwrap_or_default()
        }
        _ => String::new(),
    };
    let is_code = text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
    Ok(if is_code { Ok(Code::new(text)) } else { Err(Violation::request("$.code", DIGITS)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_code(body: &str) -> Result<String, &'static str> {
        code(body.as_bytes(), 6)
            .unwrap()
            .map(|code| code.expose().to_owned())
            .map_err(|violation| violation.entry)
    }

    #[test]
    fn a_number_gets_its_leading_zeros_back() {
        for (body, digits) in
            [(r#"{"code":"012345"}"#, "012345"), (r#"{"code":12345}"#, "012345"), (r#"{"code":0}"#, "000000")]
        {
            assert_eq!(read_code(body).as_deref(), Ok(digits), "{body}");
        }
    }

    #[test]
    fn what_is_no_code_is_told_by_its_place() {
        for code in [
            "null",
            "\"\"",
            "\"12345\"",
            "\"1234567\"",
            "1234567",
            "-1",
            "1.5",
            "[]",
            "\"12345x\"",
            "\"١٢٣٤٥٦\"",
        ] {
            assert_eq!(read_code(&format!("{{\"code\":{code}}}")), Err("$.code"), "{code}");
        }
        for body in ["{}", "[]", "1"] {
            assert_eq!(read_code(body), Err("$.code"), "{body}");
        }
    }

    #[test]
    fn what_is_no_json_is_unreadable() {
        for body in ["", "{", "{\"code\":012345}"] {
            assert_eq!(code(body.as_bytes(), 6).unwrap_err(), ApiError::BodyUnreadable, "{body}");
        }
    }
}
