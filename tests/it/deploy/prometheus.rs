//! The alerts and the dashboard: the rules work as described, and use only metrics that exist.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio::process::Command;

use super::{path, read, words};

const ALERTS: &str = "deploy/prometheus/alerts.yml";

/// The first tests in the file, in which no alert may fire: a busy day, and a quiet night.
const QUIET: usize = 2;

/// Every metric of the programs, from their one list.
fn known() -> BTreeSet<String> {
    words(&read("shared/src/telemetry/metric.rs"), "resend_", is_name)
}

fn is_name(c: char) -> bool {
    c.is_ascii_lowercase() || c == '_'
}

/// The metrics in an expression; histograms have three series.
fn asked(text: &str) -> BTreeSet<String> {
    let series = words(text, "resend_", is_name).into_iter();
    series
        .map(|name| {
            let of_histogram = ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end));
            of_histogram.map_or(name.clone(), str::to_owned)
        })
        .collect()
}

async fn promtool(words: &[&str]) {
    let output = Command::new("promtool").args(words).output().await;
    let output = output.expect("promtool is installed: deploy/ensure prometheus");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[tokio::test]
async fn the_alerts_fire_when_they_should_and_only_then() {
    promtool(&["check", "rules", path(ALERTS).to_str().unwrap()]).await;
    promtool(&["test", "rules", path("deploy/prometheus/alerts_test.yml").to_str().unwrap()]).await;
}

#[test]
fn every_alert_is_tested_asks_for_metrics_that_exist_and_has_its_page() {
    let (alerts, tests, runbook) =
        (read(ALERTS), read("deploy/prometheus/alerts_test.yml"), read("deploy/runbook.md"));
    let parsed: Value = serde_yaml_ng::from_str(&alerts).unwrap();
    let rules = parsed["groups"][0]["rules"].as_array().unwrap();
    let fire: Value = serde_yaml_ng::from_str(&tests).unwrap();
    let is_quiet = |test: &Value, name: &str| {
        let looked_at = test["alert_rule_test"].as_array().into_iter().flatten();
        looked_at.filter(|one| one["exp_alerts"].is_null()).any(|one| one["alertname"] == name)
    };
    for rule in rules {
        let name = rule["alert"].as_str().unwrap();
        assert!(tests.contains(&format!("alertname: {name}\n")), "{name} is not shown to fire");
        for quiet in fire["tests"].as_array().unwrap().iter().take(QUIET) {
            assert!(is_quiet(quiet, name), "{name} may fire in {}", quiet["name"]);
        }
        let unknown: Vec<_> = asked(rule["expr"].as_str().unwrap()).difference(&known()).cloned().collect();
        assert!(unknown.is_empty(), "{name} asks for {unknown:?}");
        let page = rule["annotations"]["runbook_url"].as_str().unwrap();
        assert_eq!(page, format!("deploy/runbook.md#{}", name.to_lowercase()));
        assert!(runbook.lines().any(|line| line == format!("### {name}")), "{name} has no page");
    }
}

#[test]
fn the_dashboard_is_json_and_asks_for_metrics_that_exist() {
    let board: Value = serde_json::from_str(&read("deploy/grafana/resend.json")).unwrap();
    let panels = board["panels"].as_array().unwrap();
    let mut places = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for panel in panels {
        let place = &panel["gridPos"];
        let number = |name: &str| place[name].as_u64().unwrap();
        assert!(number("x") + number("w") <= 24, "{panel}");
        for x in number("x")..number("x") + number("w") {
            for y in number("y")..number("y") + number("h") {
                assert!(places.insert((x, y)), "{} lies on another", panel["title"]);
            }
        }
        for target in panel["targets"].as_array().into_iter().flatten() {
            seen.extend(asked(target["expr"].as_str().unwrap()));
        }
    }
    let known = known();
    let unknown: Vec<_> = seen.difference(&known).collect();
    assert!(unknown.is_empty() && seen.len() >= 12, "unknown: {unknown:?}, seen: {seen:?}");
}
