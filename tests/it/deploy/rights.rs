//! Tests run only some paths of a script; so each command that a script may call, itself or through shared functions,
//! is looked up among the rights of the program that runs it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{path, read};

/// Every script under a folder.
fn scripts(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let of = |entry: PathBuf| if entry.is_dir() { scripts(&entry) } else { vec![entry] };
    entries.flat_map(of).filter(|file| file.extension().is_some_and(|end| end == "lua")).collect()
}

/// Which program runs a script, by its place in `shared/src`; parts of other scripts are run by no program themselves.
fn runners(script: &str) -> &'static [&'static str] {
    const ALL: &[&str] = &["resend-api", "resend-worker", "resendctl"];
    match script.trim_end_matches(".lua") {
        "queue/confirm_end" | "queue/mark_confirmed" | "queue/operator/overview" => ALL,
        "queue/producer/enqueue" | "sending/codes/guess" | "sending/codes/spend" => &ALL[..1],
        "queue/operator/record_minute"
        | "queue/operator/report_upstreams"
        | "sending/leave"
        | "sending/limits/rate_limit" => &ALL[1..2],
        script if script.starts_with("queue/consumer/") => &ALL[1..2],
        "queue/operator/describe" | "queue/operator/upstream_reports" => &ALL[1..],
        "queue/operator/cancel"
        | "queue/operator/pause"
        | "queue/operator/resume"
        | "queue/operator/retry_now"
        | "queue/operator/unquarantine"
        | "sending/codes/unlock" => &ALL[2..],
        "queue/eta" | "queue/limits" | "queue/patient" | "queue/phone" | "queue/prelude"
        | "redis/prelude" => &[],
        script => panic!("{script}: who runs it?"),
    }
}

/// The functions a script defines at its top level, by name.
fn functions(script: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for definition in format!("\n{script}").split("\nlocal function ").skip(1) {
        let name = definition.split('(').next().unwrap().to_owned();
        let first = definition.lines().next().unwrap();
        let body = if first.ends_with(" end") { first } else { definition.split("\nend").next().unwrap() };
        found.insert(name, body.to_owned());
    }
    found
}

fn calls(text: &str, function: &str) -> bool {
    let name_of = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    text.match_indices(&format!("{function}(")).any(|(at, _)| !text[..at].ends_with(name_of))
}

/// The commands that a script calls, including those in the functions that it reaches.
fn commands(script: &str, shared: &BTreeMap<String, String>) -> BTreeSet<String> {
    let (mut texts, mut known) = (vec![script], BTreeSet::new());
    let mut commands = BTreeSet::new();
    while let Some(text) = texts.pop() {
        commands
            .extend(text.split("call('").skip(1).map(|call| call.split('\'').next().unwrap().to_lowercase()));
        let reached = shared.iter().filter(|(name, _)| calls(text, name) && known.insert((*name).clone()));
        texts.extend(reached.map(|(_, body)| body.as_str()));
    }
    commands
}

#[test]
fn every_command_of_every_script_is_allowed_to_who_runs_it() {
    let root = path("shared/src");
    let texts: BTreeMap<String, String> = scripts(&root)
        .into_iter()
        .map(|file| {
            let name = file.strip_prefix(&root).unwrap().display().to_string();
            (name, std::fs::read_to_string(file).unwrap())
        })
        .collect();
    let shared: BTreeMap<_, _> = texts
        .iter()
        .filter(|(name, _)| runners(name).is_empty())
        .flat_map(|(_, text)| functions(text))
        .collect();
    let acl = read("deploy/redis/users.acl");
    let mut missing = Vec::new();
    for (script, text) in &texts {
        for user in runners(script) {
            let line = acl.lines().find(|line| line.starts_with(&format!("user {user} "))).unwrap();
            let allowed: BTreeSet<_> = line.split(' ').filter_map(|word| word.strip_prefix('+')).collect();
            let is_allowed =
                |command: &str| allowed.iter().any(|word| word.split('|').next() == Some(command));
            // Every program asks a server behind sentinels for its role, and lets replicas confirm its writes.
            let everybodys = ["role", "wait"].map(str::to_owned);
            let wanted = commands(text, &shared).into_iter().chain(everybodys);
            let denied = wanted.filter(|command| !is_allowed(command));
            missing.extend(denied.map(|command| format!("{user} may not {command}, which {script} calls")));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_commands_of_functions_that_a_script_reaches_are_its_own() {
    let shared =
        functions("local function a() return redis.call('GET', 1) end\nlocal function b()\n  a()\nend\n");
    assert_eq!(commands("b()", &shared), BTreeSet::from(["get".to_owned()]));
    assert!(commands("ab(1)", &shared).is_empty());
}
