//! Names that Kubernetes puts into the environment for services. If a service is called `resend` or `resend-…`, they
//! look like settings.

/// Whether a name has the shape of an injected one: `…_SERVICE_HOST`, `…_SERVICE_PORT…`, `…_PORT`, `…_PORT_<n>_…`.
pub(super) fn is_injected(name: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name.match_indices("_PORT_").any(|(at, found)| begins_with_number(&name[at + found.len()..]))
}

fn begins_with_number(text: &str) -> bool {
    text.split_once('_')
        .is_some_and(|(number, _)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_services_are_told_from_misspelt_settings() {
        for name in [
            "RESEND_API_SERVICE_HOST",
            "RESEND_API_SERVICE_PORT",
            "RESEND_API_SERVICE_PORT_HTTP",
            "RESEND_API_PORT",
            "RESEND_PORT",
            "RESEND_API_PORT_8080_TCP",
            "RESEND_API_PORT_8080_TCP_ADDR",
        ] {
            assert!(is_injected(name), "{name}");
        }
        for name in ["RESEND_API_PORTS", "RESEND_PORT_HTTP_X", "RESEND_SERVICE", "RESEND_API_LISTEN"] {
            assert!(!is_injected(name), "{name}");
        }
    }
}
