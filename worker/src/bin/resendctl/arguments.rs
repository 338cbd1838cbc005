//! The verbs and their arguments.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use shared::domain::ids::{ApprovalId, InvalidId, JobId, PatientId};
use shared::domain::outcome::Reason;
use shared::domain::phone::PhoneNumber;
use shared::queue::{JobCursor, JobStatus, Progress, QuarantineId};

use super::help;

/// Inspect and control the queue of the resend service; find what is wrong with its configuration
#[derive(Parser)]
#[command(name = "resendctl", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Output format
    #[arg(long, short, global = true, value_enum, default_value_t = Format::Table)]
    pub(super) output: Format,
    /// Print the effective settings with secrets hidden and exit 0, or name every wrong one and exit 2
    #[arg(long)]
    pub(super) check_config: bool,
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
}

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Table,
    /// For programs: one JSON document; with --watch one per line
    Json,
}

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Show what is wrong, jobs by state, age, rates, upstreams and workers; measures the rates for a second
    Stats {
        /// Repeat until Ctrl-C: the whole view on a terminal, elsewhere one line each time
        #[arg(long, short)]
        watch: bool,
        /// Seconds between two measurements
        #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
        every: Duration,
    },
    /// List, show, retry and cancel jobs
    #[command(subcommand)]
    Jobs(JobsVerb),
    /// List, retry and delete entries that were set aside because they could not be finished or read
    #[command(subcommand)]
    Quarantine(QuarantineVerb),
    /// Show the limits, codes and lock of a phone; unlock it after too many failed checks
    #[command(subcommand)]
    Phone(PhoneVerb),
    /// Stop workers from taking new jobs; running jobs finish, and the API keeps accepting
    Pause {
        /// The reason, recorded for others
        #[arg(long, value_name = "REASON", default_value = "")]
        because: String,
        /// Do not ask for confirmation
        #[arg(long, short)]
        yes: bool,
    },
    /// Let the workers take jobs again
    Resume {
        /// The reason, recorded for others
        #[arg(long, value_name = "REASON", default_value = "")]
        because: String,
    },
    /// Show what operators did, newest first
    Activity {
        /// At most this many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show workers, their slots and the jobs they hold
    Workers,
    /// Send a test message through the configured channel; it costs as much as any message
    SendTest {
        /// The phone, such as +380931234585
        #[arg(long)]
        to: PhoneNumber,
        /// Do not ask for confirmation
        #[arg(long, short)]
        yes: bool,
    },
    /// Check Redis, clocks, settings, workers and upstreams; say what to change
    Doctor {
        /// Instead, read this patient and approval from the registry and say what a worker would decide; sends
        /// nothing
        #[arg(long, value_name = "ID", requires = "approval")]
        patient: Option<PatientId>,
        /// The approval to read
        #[arg(long, value_name = "ID", requires = "patient")]
        approval: Option<ApprovalId>,
    },
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Subcommand)]
pub(super) enum JobsVerb {
    /// List jobs that have not ended, oldest first; with --state failed or --reason those that failed
    List(Filter),
    /// Show what the client of a job reads, and the job's history
    Show {
        /// Its id, or a link to it
        #[arg(value_parser = job)]
        job: JobId,
    },
    /// Try jobs at once that wait for a retry; an ended job never changes
    Retry {
        /// Their ids, or links to them
        #[arg(required = true, value_name = "JOB", value_parser = job)]
        jobs: Vec<JobId>,
    },
    /// End live jobs as failed (409), unless they are being sent
    Cancel {
        /// Their ids, or links to them
        #[arg(required = true, value_name = "JOB", value_parser = job)]
        jobs: Vec<JobId>,
        /// The reason, recorded for others
        #[arg(long, value_name = "REASON", default_value = "")]
        because: String,
        /// Do not ask for confirmation
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Args)]
pub(super) struct Filter {
    /// Only jobs in this state
    #[arg(long, value_parser = progress(), value_name = "STATE")]
    pub(super) state: Option<Progress>,
    /// Only jobs of this client
    #[arg(long)]
    pub(super) client: Option<String>,
    /// Only jobs that failed for this reason
    #[arg(long, value_parser = reasons(), value_name = "REASON", hide_possible_values = true)]
    pub(super) reason: Option<String>,
    /// Only jobs of this patient, failed ones too
    #[arg(long, value_name = "UUID")]
    pub(super) patient: Option<String>,
    /// Only jobs about this approval, failed ones too
    #[arg(long, value_name = "UUID")]
    pub(super) approval: Option<String>,
    /// Only jobs of this request, failed ones too
    #[arg(long, value_name = "ID")]
    pub(super) request: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = 50)]
    pub(super) limit: usize,
    /// Continue an earlier list, which printed this value
    #[arg(long, value_name = "CURSOR")]
    pub(super) after: Option<JobCursor>,
}

#[derive(Subcommand)]
pub(super) enum PhoneVerb {
    /// Show what delays messages to it, or checks of its codes
    Show {
        /// The phone, such as +380931234585
        phone: PhoneNumber,
    },
    /// Forget its failed checks, so that the right code is accepted again
    Unlock {
        /// The phone, such as +380931234585
        phone: PhoneNumber,
        /// The reason, recorded for others
        #[arg(long, value_name = "REASON", default_value = "")]
        because: String,
        /// Do not ask for confirmation
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Subcommand)]
pub(super) enum QuarantineVerb {
    /// List the newest entries
    List {
        /// At most this many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Put entries whose jobs have not ended back into the queue
    Retry(Selection),
    /// Delete entries for good
    Purge {
        #[command(flatten)]
        which: Selection,
        /// Do not ask for confirmation
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct Selection {
    /// Ids as `quarantine list` shows them
    #[arg(value_name = "ID")]
    pub(super) ids: Vec<QuarantineId>,
    /// All entries there are now, at most 10000 at a time
    #[arg(long)]
    pub(super) all: bool,
}

impl Filter {
    /// Where to start.
    pub(super) fn from(&self) -> JobCursor {
        // Only failed jobs have a reason.
        let only_failed = self.state == Some(Progress::Failed) || self.reason.is_some();
        let start = if only_failed { JobCursor::failed() } else { JobCursor::of(self.state) };
        self.after.clone().unwrap_or(start)
    }

    /// Whether failed jobs are included.
    pub(super) fn wants_failed(&self) -> bool {
        let by_id = self.patient.is_some() || self.approval.is_some() || self.request.is_some();
        self.state.map_or(by_id || self.reason.is_some(), |state| state == Progress::Failed)
    }

    /// Whether a job matches the filter.
    pub(super) fn fits(&self, job: &JobStatus) -> bool {
        let is = |asked: &Option<String>, known: &str| {
            asked.as_deref().is_none_or(|asked| asked.eq_ignore_ascii_case(known))
        };
        self.state.is_none_or(|state| state == job.progress)
            && self.client.as_deref().is_none_or(|client| client == job.client)
            && is(&self.reason, job.reason.as_deref().unwrap_or_default())
            && is(&self.patient, &job.patient)
            && is(&self.approval, &job.approval)
            && is(&self.request, job.request.as_deref().unwrap_or_default())
    }

    /// A description of the filter, for an empty list.
    pub(super) fn words(&self) -> String {
        let wishes = [
            ("state", self.state.map(|state| state.as_str().to_owned())),
            ("client", self.client.clone()),
            ("reason", self.reason.clone()),
            ("patient", self.patient.clone()),
            ("approval", self.approval.clone()),
            ("request", self.request.clone()),
        ];
        let wishes = wishes.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?)));
        wishes.collect::<Vec<_>>().join(", ")
    }
}

impl Cli {
    /// Parses the command line. One id in 64 begins with a dash and would look like an option, so ids are turned into
    /// links.
    pub(crate) fn read(words: impl IntoIterator<Item = String>) -> Result<Self, clap::Error> {
        let is_id = |word: &String| word.starts_with('-') && word.parse::<JobId>().is_ok();
        let words = words.into_iter().map(|word| if is_id(&word) { format!("/Jobs/{word}") } else { word });
        let mut line = help::added_to(Self::command());
        Self::from_arg_matches(&line.try_get_matches_from_mut(words)?)
            .map_err(|error| error.format(&mut line))
    }
}

/// The last part of a link, or the id itself.
fn job(text: &str) -> Result<JobId, InvalidId> {
    text.rsplit('/').next().unwrap_or_default().parse()
}

/// There is no list of processed jobs: they are counted, and found by their id.
fn progress() -> impl TypedValueParser<Value = Progress> {
    let listed = Progress::ALL.into_iter().filter(|state| *state != Progress::Processed);
    let words = PossibleValuesParser::new(listed.map(Progress::as_str));
    words
        .try_map(|word| Progress::ALL.into_iter().find(|state| state.as_str() == word).ok_or("no such state"))
}

fn reasons() -> PossibleValuesParser {
    PossibleValuesParser::new(Reason::ALL.iter().map(|reason| reason.as_str()))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let sensible = Duration::from_millis(200)..=Duration::from_hours(1);
    seconds.filter(|every| sensible.contains(every)).ok_or_else(|| "from 0.2 to 3600 seconds".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    /// Placeholders for an id, a phone or a reason in `deploy/runbook.md`.
    const PLACES: [(&str, &str); 6] = [
        ("--patient ID", "--patient 0b6ce8d9-6d6f-4c5c-9f0e-3b1f8c2f4a11"),
        ("--approval ID", "--approval 0b6ce8d9-6d6f-4c5c-9f0e-3b1f8c2f4a11"),
        ("quarantine purge ID", "quarantine purge 1533206716000-0"),
        ("quarantine retry ID", "quarantine retry 1533206716000-0"),
        (" ID", " NBXk9EyErUZv1RhXgyvgg"),
        ("+380…", "+380931234585"),
    ];

    #[test]
    fn every_command_of_the_runbook_is_one() {
        let runbook = include_str!("../../../../deploy/runbook.md");
        let spans = runbook
            .split('`')
            .skip(1)
            .step_by(2)
            .map(|span| span.split_whitespace().collect::<Vec<_>>().join(" "));
        let commands: Vec<_> = spans.filter(|span| span.starts_with("resendctl ")).collect();
        assert!(commands.len() > 20, "{commands:?}");
        for command in commands {
            let command = PLACES.iter().fold(command, |text, (place, value)| text.replace(place, value));
            let read = Cli::read(command.split(' ').map(str::to_owned));
            assert!(
                read.is_ok(),
                "{command}: {}",
                read.err().map(|error| error.to_string()).unwrap_or_default()
            );
        }
    }

    #[test]
    fn an_id_that_begins_with_a_dash_is_an_id() {
        for id in ["-RG_CEzJ1yBgJNbnhtOyr", "--G_CEzJ1yBgJNbnhtOyr", "-yG_CEzJ1yBgJNbnhtOyr"] {
            let link = format!("/jobs/{id}");
            for words in [
                &["jobs", "show", id][..],
                &["jobs", "show", &link],
                &["jobs", "cancel", id, "--yes"],
                &["jobs", "cancel", "-y", id],
            ] {
                let parsed = Cli::read(["resendctl"].iter().chain(words).map(ToString::to_string)).unwrap();
                match parsed.verb {
                    Some(Verb::Jobs(JobsVerb::Show { job })) => assert_eq!(job.as_str(), id),
                    Some(Verb::Jobs(JobsVerb::Cancel { jobs, yes, .. })) => {
                        assert!(yes && jobs[0].as_str() == id);
                    }
                    _ => panic!("{words:?}"),
                }
            }
        }
    }

    #[test]
    fn a_purge_says_what_or_all_and_never_both() {
        let parse = |words: &[&str]| {
            Cli::try_parse_from(["resendctl", "quarantine", "purge"].iter().chain(words).copied())
        };
        assert!(parse(&["--all"]).is_ok() && parse(&["1-0", "2-0"]).is_ok());
        assert!(parse(&[]).is_err() && parse(&["--all", "1-0"]).is_err() && parse(&["x"]).is_err());
    }
}
