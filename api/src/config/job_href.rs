//! The link to a job, made from a template.

use shared::domain::ids::JobId;
use shared::settings::{ConfigError, Settings};

const PLACE: &str = "{id}";

/// `RESEND_JOB_HREF` (default `/Jobs/{id}`): a path, or a whole URL, with the place of the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobHref {
    before: String,
    after: String,
}

impl JobHref {
    /// Reads the template. Visible ASCII only, because the link is a header (`Location`) too.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        const NAME: &str = "RESEND_JOB_HREF";
        let wants = "a path or an http(s) URL with {id} in it once, such as /Jobs/{id}";
        let template = settings.required(NAME, wants)?;
        Self::parse(template).ok_or_else(|| settings.wrong(NAME, wants))
    }

    fn parse(template: &str) -> Option<Self> {
        let rooted = ["/", "http://", "https://"].iter().any(|start| template.starts_with(start));
        let (before, after) = template.split_once(PLACE)?;
        let once = !after.contains(PLACE);
        let visible = template.bytes().all(|byte| byte.is_ascii_graphic());
        (rooted && once && visible).then(|| Self { before: before.to_owned(), after: after.to_owned() })
    }

    /// The link to this job.
    pub fn of(&self, job: &JobId) -> String {
        [&self.before, job.as_str(), &self.after].concat()
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
            ("/jobs/{id}/", "/jobs/NBXk9EyErUZv1RhXgyvgg/"),
            ("https://example.com/api/jobs/{id}", "https://example.com/api/jobs/NBXk9EyErUZv1RhXgyvgg"),
        ] {
            assert_eq!(JobHref::parse(template).unwrap().of(&job), href);
        }
    }

    #[test]
    fn a_template_without_one_place_or_root_is_refused() {
        for template in
            ["/Jobs/", "/Jobs/{id}/{id}", "Jobs/{id}", "ftp://a/{id}", "/Jobs /{id}", "/роботи/{id}"]
        {
            assert_eq!(JobHref::parse(template), None, "{template}");
        }
        let error = JobHref::from_settings(&Settings::from_pairs([("RESEND_JOB_HREF", "/Jobs/")]).unwrap())
            .unwrap_err();
        assert!(error.to_string().starts_with("RESEND_JOB_HREF=\"/Jobs/\" is not right"), "{error}");
    }
}
