//! The text of `--help`: the verbs in groups, examples, and only the settings that a verb reads.

use clap::Command;
use shared::runtime::cli::terminal_width;
use shared::settings::table;

const EXIT_CODES: &str = "Exit status:
  0  done, no problem found
  1  a problem was found, or something was not done
  2  wrong arguments or settings
  3  no such job or entry
  4  Redis is unreachable or refuses";

/// The verbs, by purpose.
const GROUPS: [(&str, &[&str]); 4] = [
    ("See what is wrong", &["stats", "doctor", "workers", "activity"]),
    ("Follow a job or a phone", &["jobs", "quarantine", "phone"]),
    ("Intervene", &["pause", "resume", "send-test"]),
    ("This program", &["completions", "help"]),
];

/// Prefixes of the settings that locate the queue.
const QUEUE: &[&str] = &["RESEND_CONFIG", "RESEND_REDIS_", "RESEND_QUEUE_NAME"];

/// Verbs that read more settings, with the prefixes of these.
const MORE: [(&str, &[&str]); 3] = [
    ("doctor", &["RESEND_", "OTEL_"]),
    ("phone", &["RESEND_OTP_", "RESEND_LIMIT_PER_PHONE_"]),
    ("send-test", &["RESEND_OTP_", "RESEND_SMS_", "RESEND_LIMIT_COUNTRIES"]),
];

const EXAMPLES: [(&str, &str); 12] = [
    ("stats", "resendctl stats --watch\nresendctl stats --output json | jq .upstreams"),
    ("doctor", "resendctl doctor\nresendctl doctor --patient ID --approval ID   # sends nothing"),
    (
        "list",
        "resendctl jobs list --state failed --reason upstream_failed\nresendctl jobs list --patient 0b6ce8d9-6d6f-4c5c-9f0e-3b1f8c2f4a11",
    ),
    ("show", "resendctl jobs show /Jobs/NBXk9EyErUZv1RhXgyvgg"),
    ("retry", "resendctl jobs retry NBXk9EyErUZv1RhXgyvgg"),
    ("cancel", "resendctl jobs cancel NBXk9EyErUZv1RhXgyvgg --because 'asked by the clinic'"),
    ("purge", "resendctl quarantine purge 1533206716000-0"),
    ("unlock", "resendctl phone unlock +380931234585 --because 'call 4711'"),
    ("pause", "resendctl pause --because 'the gateway is being repaired'"),
    ("resume", "resendctl resume"),
    ("send-test", "resendctl send-test --to +380931234585"),
    ("completions", "resendctl completions bash > /etc/bash_completion.d/resendctl"),
];

/// The command line with these texts.
pub(super) fn added_to(command: Command) -> Command {
    let width = terminal_width();
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{}\nOptions:\n{{options}}{{after-help}}",
        verbs(&command, width)
    );
    let verbs: Vec<_> = command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    let command = command
        .max_term_width(width)
        .help_template(template)
        .after_help(EXIT_CODES)
        .after_long_help(format!("{}\n{EXIT_CODES}", settings(QUEUE, width)));
    verbs.into_iter().fold(command, |command, verb| {
        let read = read_by(&verb);
        command.mut_subcommand(verb, |verb| describe(verb, &read, width))
    })
}

/// Examples and settings for a verb and its subcommands.
fn describe(verb: Command, read: &[&str], width: usize) -> Command {
    let below: Vec<_> = verb.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    let example = EXAMPLES.iter().find(|(name, _)| *name == verb.get_name());
    let examples = example.map(|(_, lines)| format!("Examples:\n  {}", lines.replace('\n', "\n  ")));
    let parts: Vec<_> = examples.iter().cloned().chain([settings(read, width)]).collect();
    let long = parts.iter().map(|part| part.trim_end()).filter(|part| !part.is_empty()).collect::<Vec<_>>();
    let verb = verb.after_long_help(long.join("\n\n"));
    let verb = examples.into_iter().fold(verb, Command::after_help);
    below.into_iter().fold(verb, |verb, name| verb.mut_subcommand(name, |below| describe(below, read, width)))
}

fn read_by(verb: &str) -> Vec<&'static str> {
    if verb == "completions" {
        return Vec::new();
    }
    let more = MORE.iter().find(|(name, _)| *name == verb).map_or(&[][..], |(_, more)| more);
    QUEUE.iter().chain(more).copied().collect()
}

fn settings(begins: &[&str], width: usize) -> String {
    if begins.is_empty() {
        return String::new();
    }
    let all = table::variables(table::ALL);
    table::help(all.filter(|known| begins.iter().any(|begin| known.name.starts_with(begin))), width)
}

/// The column in which the description of a verb begins.
const ABOUT_FROM: usize = 15;

fn verbs(command: &Command, width: usize) -> String {
    let about = |name: &str| {
        let verb = command.find_subcommand(name);
        verb.and_then(Command::get_about).map_or_else(|| "Help for a command".to_owned(), ToString::to_string)
    };
    let group = |(title, names): &(&str, &[&str])| {
        let lines = names
            .iter()
            .map(|name| format!("  {name:<12} {}\n", table::wrapped(&about(name), ABOUT_FROM, width)));
        format!("{title}:\n{}\n", lines.collect::<String>())
    };
    GROUPS.iter().map(group).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::arguments::Cli;

    #[test]
    fn every_verb_is_in_one_group() {
        let command = Cli::command();
        let mut all: Vec<_> = command.get_subcommands().map(Command::get_name).chain(["help"]).collect();
        let mut sorted: Vec<_> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        all.sort_unstable();
        sorted.sort_unstable();
        assert_eq!(sorted, all);
    }

    #[test]
    fn a_verb_lists_only_what_it_reads() {
        let mut command = added_to(Cli::command());
        let mut help = |names: &[&str]| {
            let verb = names.iter().fold(&mut command, |verb, name| verb.find_subcommand_mut(name).unwrap());
            verb.render_long_help().to_string()
        };
        let list = help(&["jobs", "list"]);
        assert!(list.contains("RESEND_REDIS_URL") && !list.contains("RESEND_SMS_URL"), "{list}");
        assert!(list.contains("Examples:\n  resendctl jobs list"), "{list}");
        assert!(help(&["send-test"]).contains("RESEND_SMS_URL"));
        assert!(help(&["doctor"]).contains("RESEND_AUTH_URL"));
        assert!(!help(&["completions"]).contains("RESEND_"));
    }
}
