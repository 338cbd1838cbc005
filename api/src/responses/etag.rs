//! The tag of a job's state. It is weak, because `meta.request_id` differs from answer to answer (RFC 9110, 8.8.1).

use axum::http::{HeaderMap, header};
use shared::domain::job::{Job, JobState};

/// The tag: the same for as long as `data` is.
pub(crate) fn of(job: &Job) -> String {
    format!("W/\"{}\"", event_id(job))
}

/// The same, in the form of an event id.
pub(crate) fn event_id(job: &Job) -> String {
    match (&job.end, job.state) {
        (None, _) => format!("pending-{}", job.eta_ms),
        (Some(end), JobState::Processed) => format!("processed-{}-{}", end.status_code, job.eta_ms),
        (Some(end), _) => format!("failed-{}-{}", end.status_code, job.eta_ms),
    }
}

/// A tag without its mark of weakness.
fn opaque(tag: &str) -> &str {
    tag.trim().trim_start_matches("W/")
}

/// Whether the client already has this state (`If-None-Match`, compared weakly: RFC 9110, 13.1.2).
pub(crate) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let sent = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    sent.flat_map(|value| value.split(',')).any(|sent| sent.trim() == "*" || opaque(sent) == opaque(tag))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(sent: &str, tag: &str) -> bool {
        is_known(&[(header::IF_NONE_MATCH, sent.parse().unwrap())].into_iter().collect(), tag)
    }

    #[test]
    fn tags_are_compared_weakly_and_in_lists() {
        let tag = "W/\"pending-1\"";
        for sent in [tag, "\"pending-1\"", "*", "\"a\", W/\"pending-1\"", "\"a\",\"pending-1\""] {
            assert!(known(sent, tag), "{sent}");
        }
        for sent in ["\"pending-2\"", "pending-1", "W/\"processed-200-1\"", "", "\"*\""] {
            assert!(!known(sent, tag), "{sent}");
        }
        assert!(!is_known(&HeaderMap::new(), tag));
    }

    proptest! {
        #[test]
        fn a_tag_is_found_in_any_list_and_no_text_is_an_error(before in "[!#-+.-~]{0,12}", text in "[\\x20-\\x7E]{0,60}") {
            let list = format!("\"{before}\", W/\"pending-1\"");
            prop_assert!(known(&list, "W/\"pending-1\""));
            let _ = known(&text, "W/\"pending-1\"");
        }
    }
}
