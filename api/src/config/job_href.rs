//! The link to a job, made from a template.

use std::str::FromStr;

use shared::domain::ids::JobId;

const PLACE: &str = "{id}";

/// The paths a job is served under. A proxy may add a prefix, which a whole URL then includes.
const SERVED: [&str; 3] = ["/Jobs/{id}", "/jobs/{id}", "/api/jobs/{id}"];

/// `RESEND_JOB_HREF` (default `/Jobs/{id}`): a path, or a whole URL, ending with the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobHref {
    before: String,
}

/// The template has no placeholder for the id, or no route serves it.
#[derive(Debug, thiserror::Error)]
#[error("no route serves this template")]
pub struct InvalidJobHref;

impl FromStr for JobHref {
    type Err = InvalidJobHref;

    /// Parses the template. Visible ASCII only, because the link is also a header (`Location`).
    fn from_str(template: &str) -> Result<Self, InvalidJobHref> {
        Self::parse(template).ok_or(InvalidJobHref)
    }
}

impl JobHref {
    fn parse(template: &str) -> Option<Self> {
        let is_url = ["http://", "https://"]
            .iter()
            .any(|start| template.strip_prefix(start).is_some_and(|rest| !rest.starts_with('/')));
        let is_served = |path: &&str| if is_url { template.ends_with(path) } else { template == *path };
        let (before, after) = template.split_once(PLACE)?;
        let visible = template.bytes().all(|byte| byte.is_ascii_graphic());
        (SERVED.iter().any(is_served) && after.is_empty() && visible)
            .then(|| Self { before: before.to_owned() })
    }

    /// The link to this job.
    pub fn of(&self, job: &JobId) -> String {
        [&self.before, job.as_str()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_takes_its_place() {
        let job: JobId = "NBXk9EyErUZv1RhXgyvgg".parse().unwrap();
        for (template, href) in [
            ("/Jobs/{id}", "/Jobs/NBXk9EyErUZv1RhXgyvgg"),
            ("/jobs/{id}", "/jobs/NBXk9EyErUZv1RhXgyvgg"),
            ("https://example.com/api/jobs/{id}", "https://example.com/api/jobs/NBXk9EyErUZv1RhXgyvgg"),
        ] {
            assert_eq!(JobHref::parse(template).unwrap().of(&job), href);
        }
    }

    #[test]
    fn a_template_that_no_route_serves_is_refused() {
        for template in [
            "/Jobs/",
            "/Jobs/{id}/{id}",
            "/jobs/{id}/",
            "/JOBS/{id}",
            "/v1/jobs/{id}",
            "Jobs/{id}",
            "ftp://a/Jobs/{id}",
            "https:///Jobs/{id}",
            "https://a/{id}/Jobs/{id}",
            "https://a/tasks/{id}",
            "https://a /Jobs/{id}",
        ] {
            assert_eq!(JobHref::parse(template), None, "{template}");
        }
    }
}
