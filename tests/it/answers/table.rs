//! Compares the table of answers with the API's document and with the existing tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

const TABLE: &str = include_str!("../ANSWERS.md");
const DOCUMENT: &str = include_str!("../../../api/openapi.json");

/// One row: route, status.
type Row<'a> = (&'a str, &'a str);

fn rows() -> Vec<Row<'static>> {
    let cells = |line: &'static str| line.trim_matches('|').split(" | ").map(str::trim).collect::<Vec<_>>();
    let rows = TABLE.lines().filter(|line| line.starts_with("| ")).skip(1).map(cells);
    rows.map(|row| {
        let [route, status, _, _] = row[..] else { panic!("four cells in {row:?}") };
        (route, status)
    })
    .collect()
}

/// One row for the refusals that every route has, including those about the service itself.
fn is_of_every_route(operation: &Value, status: &str) -> bool {
    operation["tags"][0] == "service" && ["400", "414", "431", "501"].contains(&status)
}

/// The table's name for a route of the document; `None` for the aliases of a job.
fn called(method: &str, path: &str) -> Option<String> {
    Some(match path {
        "/jobs/{id}" | "/api/jobs/{id}" | "/jobs/{id}/events" | "/api/jobs/{id}/events" => return None,
        "/Jobs/{id}" => "GET job".to_owned(),
        "/Jobs/{id}/events" => "GET events".to_owned(),
        path if path.ends_with("/resend") => "PATCH resend".to_owned(),
        path if path.ends_with("/complete") => "PATCH complete".to_owned(),
        path => format!("{} {path}", method.to_uppercase()),
    })
}

fn documented() -> BTreeSet<(String, String)> {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let mut answers = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(responses) = operation["responses"].as_object() else { continue };
            let Some(route) = called(method, path) else { continue };
            answers.extend(responses.keys().map(|status| {
                let route = if is_of_every_route(operation, status) { "any route" } else { &route };
                (route.to_owned(), status.clone())
            }));
        }
    }
    answers
}

/// All sources under a folder, concatenated.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| if path.is_dir() { sources(&path) } else { fs::read_to_string(path).unwrap_or_default() })
        .collect()
}

#[test]
fn every_answer_of_the_document_has_a_row() {
    let told: BTreeSet<_> =
        rows().into_iter().map(|(route, status)| (route.to_owned(), status.to_owned())).collect();
    let documented = documented();
    let missing: Vec<_> = documented.difference(&told).cloned().collect();
    assert!(missing.is_empty(), "without a row: {missing:?}");
    let of_no_operation = ["any other route", "any route"];
    let unknown: Vec<_> = told
        .difference(&documented)
        .filter(|(route, _)| !of_no_operation.contains(&route.as_str()))
        .collect();
    assert!(unknown.is_empty(), "the document does not know: {unknown:?}");
}

/// Fails if a name in the last column of a table is not a test.
pub(crate) fn assert_tests_exist(table: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folders = ["api/src", "shared/src", "worker/src", "tests/it"];
    let sources = folders.map(|folder| sources(&root.join(folder))).concat();
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(!rows.is_empty());
    for row in rows {
        let tests = row.trim_end_matches('|').rsplit(" | ").next().unwrap();
        for test in tests.split(", ").map(|name| name.trim().trim_matches('`')) {
            assert!(sources.contains(&format!("fn {test}(")), "{test:?} is no test: {row}");
        }
    }
}

#[test]
fn every_row_names_tests_there_are() {
    assert_tests_exist(TABLE);
}
