//! Removes possible secrets from URLs before they are shown: user and password, every value of a query, and parts of a
//! path that look like tokens.

/// From this length on, a part of a path with both letters and digits counts as a token.
const TOKEN_LENGTH: usize = 12;

/// From this length on, any part of a path does.
const LONG: usize = 24;

/// The value in a form that may be shown. Handles malformed URLs too, and one whose password has a comma, because a
/// value is often shown for being wrong.
pub(super) fn redacted(value: &str) -> String {
    let mut urls: Vec<String> = Vec::new();
    for part in value.split(',') {
        match urls.last_mut() {
            Some(url) if !part.contains("://") => *url = format!("{url},{part}"),
            _ => urls.push(part.to_owned()),
        }
    }
    urls.iter().map(|url| redacted_url(url)).collect::<Vec<_>>().join(",")
}

fn redacted_url(url: &str) -> String {
    let (scheme, rest) = url.find("://").map_or(("", url), |at| url.split_at(at + 3));
    let (rest, user) = match rest.rsplit_once('@') {
        Some((_, host)) => (host, "***@"),
        None => (rest, ""),
    };
    let (rest, fragment) = rest.split_once('#').map_or((rest, ""), |(rest, _)| (rest, "#***"));
    let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
    let path = place.split('/').enumerate().map(
        |(index, part)| {
            if index > 0 && is_token(part) { "***" } else { part }
        },
    );
    let query = query.map(|query| format!("?{}", redacted_query(query))).unwrap_or_default();
    format!("{scheme}{user}{}{query}{fragment}", path.collect::<Vec<_>>().join("/"))
}

fn redacted_query(query: &str) -> String {
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        // A placeholder of a template, such as {access_token}, is no secret.
        Some((_, value)) if value.starts_with('{') && value.ends_with('}') => pair.to_owned(),
        Some((name, _)) => format!("{name}=***"),
        None => "***".to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

fn is_token(part: &str) -> bool {
    let is_place = part.starts_with('{') && part.ends_with('}');
    let is_mixed =
        part.bytes().any(|byte| byte.is_ascii_digit()) && part.bytes().any(|byte| byte.is_ascii_alphabetic());
    !is_place && (part.len() >= LONG || (part.len() >= TOKEN_LENGTH && is_mixed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_hidden_whatever_stands_around_them() {
        for (value, shown) in [
            ("redis://:hunter2@a:1/0,b:2", "redis://***@a:1/0,b:2"),
            ("redis://:hunter2@a:1,redis://b:2", "redis://***@a:1,redis://b:2"),
            ("redis://:hun,ter2@redis", "redis://***@redis"),
            (":hunter2@redis:6379", "***@redis:6379"),
            ("user:hun@ter2@host", "***@host"),
            ("https://a/b", "https://a/b"),
            ("https://a/send?key=hunter2&to=x", "https://a/send?key=***&to=***"),
            ("https://a/send?hunter2", "https://a/send?***"),
            ("https://a/b#hunter2", "https://a/b#***"),
            ("https://a/verify?token={access_token}", "https://a/verify?token={access_token}"),
            ("https://a/bot123456:ABC-DEF1234ghIkl/send", "https://a/***/send"),
            ("https://a/admin/{access_token}/verify", "https://a/admin/{access_token}/verify"),
            ("https://a/2010-04-01/Messages.json", "https://a/2010-04-01/Messages.json"),
        ] {
            assert_eq!(redacted(value), shown);
        }
    }
}
