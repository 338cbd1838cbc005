//! I8: no code, full phone number, token or name in a log or in what Redis wrote to its disk.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::check::{Breach, code_of};
use crate::client::ApiClient;
use crate::sandbox::Message;

/// Texts that must not appear: the sandbox's secrets, and the names of its patients.
const SECRETS: [&str; 8] = [
    "mis-a-token",
    "mis-b-token",
    "sms-token",
    "registry-token",
    "sandbox-secret",
    "Соломія",
    "Зразкова",
    "dGVzdHMtb25seS1rZXktMzItYnl0ZXMtbG9uZy1hYmNk",
];

/// How many results are read.
const SAMPLE: usize = 20;

/// Digits of a full phone number here, without its plus sign.
const PHONE_DIGITS: usize = 12;

/// Searches every log and Redis file under a folder.
pub fn in_folder(folder: &Path, ledger: &[Message]) -> Option<Breach> {
    let codes: HashMap<&str, String> = ledger
        .iter()
        .filter_map(|message| Some((message.reference.as_deref()?, code_of(&message.text)?)))
        .collect();
    let found = files(folder).into_iter().flat_map(|file| {
        let bytes = std::fs::read(&file).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        in_text(&text, &codes).into_iter().map(move |what| format!("{name}: {what}"))
    });
    Breach::of("I8", "personal data or secrets were written", found.take(10).collect())
}

/// Searches what the owner reads of some jobs: in Redis their results are compressed.
pub async fn in_results(owner: &ApiClient, jobs: impl Iterator<Item = &str>) -> Option<Breach> {
    let mut found = Vec::new();
    for job in jobs.take(SAMPLE) {
        let result = owner.get(&format!("/Jobs/{job}")).await.body.to_string();
        found.extend(in_text(&result, &HashMap::new()).into_iter().map(|what| format!("{job}: {what}")));
    }
    Breach::of("I8", "personal data or secrets are in a result", found)
}

/// The forbidden content of a text.
fn in_text(text: &str, codes: &HashMap<&str, String>) -> Vec<String> {
    let secrets = SECRETS.iter().filter(|secret| text.contains(**secret)).map(|secret| (*secret).to_owned());
    let phones = holds_phone(text).then(|| "a full phone number".to_owned());
    let codes = text.lines().any(|line| holds_its_code(line, codes)).then(|| "a job's code".to_owned());
    secrets.chain(phones).chain(codes).collect()
}

fn holds_phone(text: &str) -> bool {
    let is_phone = |run: &str| run.len() == PHONE_DIGITS && run.starts_with("3802");
    text.match_indices("3802").any(|(start, _)| {
        let run = text[start..].split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        let begins = !text[..start].ends_with(|c: char| c.is_ascii_digit());
        begins && is_phone(run) && !ends_a_uuid(text, start + run.len())
    })
}

/// The last twelve digits of a random UUID look like a phone number once in 300,000 times.
fn ends_a_uuid(text: &str, end: usize) -> bool {
    let uuid = end.checked_sub(36).and_then(|start| text.get(start..end));
    uuid.is_some_and(|uuid| uuid::Uuid::try_parse(uuid).is_ok())
}

/// A log line that names a job and contains the code of that very job, apart from its time.
fn holds_its_code(line: &str, codes: &HashMap<&str, String>) -> bool {
    let Ok(Value::Object(mut line)) = serde_json::from_str(line) else { return false };
    line.remove("timestamp");
    let job = line.get("job").or_else(|| line.get("span")?.get("job")).and_then(Value::as_str);
    let Some(code) = job.and_then(|job| codes.get(job)) else { return false };
    Value::Object(line.clone())
        .to_string()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| word == code)
}

/// Logs and Redis' own files; the ledger is the gateway's, and holds both.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if !path.ends_with("ledger.jsonl") {
            found.push(path);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_leak_is_found() {
        let codes = HashMap::from([("NBXk9EyErUZv1RhXgyvgg", "123456".to_owned())]);
        for leak in [
            "sent to 380210001373",
            "ab-47071606-200a-423e-90af-380210001373 of 380210001373",
            "90af-380210001373",
            "Bearer mis-a-token",
            "Соломія",
            r#"{"message":"sent 123456","job":"NBXk9EyErUZv1RhXgyvgg"}"#,
            r#"{"message":"sent","code":"123456","span":{"job":"NBXk9EyErUZv1RhXgyvgg"}}"#,
        ] {
            assert_eq!(in_text(leak, &codes).len(), 1, "{leak}");
        }
    }

    #[test]
    fn what_may_be_written_is_no_leak() {
        let codes = HashMap::from([("NBXk9EyErUZv1RhXgyvgg", "123456".to_owned())]);
        for fine in [
            "+38021*****73 at 1533206716000",
            r#""request_id":"fa917b9d-d523-46b9-83ca-380271598618""#,
            r#"{"timestamp":"2026-01-01T00:00:00.123456Z","job":"NBXk9EyErUZv1RhXgyvgg"}"#,
            r#"{"message":"123456 jobs"}"#,
        ] {
            assert_eq!(in_text(fine, &codes), Vec::<String>::new(), "{fine}");
        }
    }
}
