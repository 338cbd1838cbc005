//! The link to a job, made from a template.

use shared::domain::ids::JobId;
use shared::settings::{ConfigError, Settings};

const PLACE: &str = "{id}";

/// The paths a job is served under. A proxy may put something before them, which a whole URL then names.
const SERVED: [&str; 3] = ["/Jobs/{id}", "/jobs/{id}", "/api/jobs/{id}"];

/// `RESEND_JOB_HREF` (default `/Jobs/{id}`): a path, or a whole URL, that ends with the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobHref {
    before: String,
}

impl JobHref {
    /// Reads the template. Visible ASCII only, because the link is a header (`Location`) too.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        const NAME: &str = "RESEND_JOB_HREF";
        let wants = "/Jobs/{id}, /jobs/{id} or /api/jobs/{id}, or an http(s) URL that ends in one of them";
        let template = settings.required(NAME, wants)?;
        Self::parse(template).ok_or_else(|| settings.wrong(NAME, wants))
    }

    fn parse(template: &str) -> Option<Self> {
        let is_url = ["http://", "https://"]
            .iter()
            .any(|start| template.strip_prefix(start).is_some_and(|rest| !rest.starts_with('/')));
        let is_served = |path: &&str| if is_url { template.ends_with(path) } else { template == *path };
        let (before, after) = template.split_once(PLACE)?;
        let visible = template.bytes().all(|byte| byte.is_ascii_graphic());
        (SERVED.iter().any(|path| is_served(path)) && after.is_empty() && visible)
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
        let error = JobHref::from_settings(&Settings::from_pairs([("RESEND_JOB_HREF", "/Jobs/")]).unwrap())
            .unwrap_err();
        assert!(error.to_string().starts_with("RESEND_JOB_HREF=\"/Jobs/\" is not right"), "{error}");
    }
}
