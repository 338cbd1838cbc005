//! The body of a check: `{"code":"012345"}`, or the code as a number, which has lost its leading zeros.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;
use shared::sending::codes::Code;

use crate::request::violation::{Rule, Violation};
use crate::responses::error::ApiError;

const REQUIRED: Rule =
    Rule { name: "required", params: &[], description: "required property code was not present" };

const DIGITS: Rule =
    Rule { name: "format", params: &["code"], description: "must be a code of digits as it was sent" };

/// The code in the body. The outer error is for a body that is not JSON.
pub(super) fn code(body: &[u8], digits: u8) -> Result<Result<Code, Violation>, ApiError> {
    let CodeMember(code) = serde_json::from_slice(body).map_err(|_| ApiError::BodyUnreadable)?;
    let width = usize::from(digits);
    let text = match &code {
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

/// The member `code`; null if there is none, or if the body is not an object.
struct CodeMember(Value);

impl<'de> Deserialize<'de> for CodeMember {
    fn deserialize<D: Deserializer<'de>>(body: D) -> Result<Self, D::Error> {
        body.deserialize_any(OneCode)
    }
}

/// Parses an object and rejects repeated members: a server before this one may have checked the other occurrence.
struct OneCode;

impl<'de> Visitor<'de> for OneCode {
    type Value = CodeMember;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with each member once")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<CodeMember, A::Error> {
        let (mut seen, mut code) = (HashSet::new(), Value::Null);
        while let Some((name, value)) = members.next_entry::<String, Value>()? {
            if name == "code" {
                code = value;
            }
            if !seen.insert(name) {
                return Err(A::Error::custom("a member twice"));
            }
        }
        Ok(CodeMember(code))
    }
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
        assert_eq!(read_code("{}"), Err("$.code"));
    }

    #[test]
    fn what_is_no_json_is_unreadable() {
        for body in ["", "{", "{\"code\":012345}", "[]", "1"] {
            assert_eq!(code(body.as_bytes(), 6).unwrap_err(), ApiError::BodyUnreadable, "{body}");
        }
    }

    #[test]
    fn a_member_that_stands_twice_is_refused_whichever_is_right() {
        for body in [
            r#"{"code":"000000","code":"012345"}"#,
            r#"{"code":"012345","code":"012345"}"#,
            r#"{"code":"012345","c\u006fde":"000000"}"#,
            r#"{"a":1,"code":"012345","a":2}"#,
        ] {
            assert_eq!(code(body.as_bytes(), 6).unwrap_err(), ApiError::BodyUnreadable, "{body}");
        }
        assert_eq!(read_code(r#"{"a":{"code":"000000"},"code":"012345"}"#).as_deref(), Ok("012345"));
    }
}
