//! The systemd units, the image and the compose file.

use serde_json::Value;
use shared::settings::table;
use tests::temp_dir::TempDir;
use tokio::process::Command;

use super::{read, words};

/// Names of settings in a text.
fn settings(text: &str) -> Vec<String> {
    let is_name = |c: char| c.is_ascii_uppercase() || c == '_';
    words(text, "RESEND_", is_name).into_iter().collect()
}

#[test]
fn what_is_shipped_sets_only_settings_there_are() {
    for name in [
        "deploy/Dockerfile",
        "deploy/compose.yml",
        "deploy/compose.env.example",
        "deploy/systemd/api.env",
        "deploy/systemd/worker.env",
        "deploy/systemd/resend-api.service",
        "deploy/systemd/resend-worker.service",
        "deploy/kubernetes/settings.yaml",
        "deploy/kubernetes/api.yaml",
        "deploy/kubernetes/worker.yaml",
        "deploy/runbook.md",
    ] {
        for setting in settings(&read(name)) {
            let known = table::variables(table::ALL).any(|variable| variable.name == setting);
            assert!(known, "{name} sets {setting}, which is none");
        }
    }
}

#[tokio::test]
async fn the_units_are_right_and_hardened() {
    let temp_dir = TempDir::new().unwrap();
    for name in ["resend-api", "resend-worker"] {
        let unit = read(&format!("deploy/systemd/{name}.service"));
        for line in [
            "NoNewPrivileges=yes",
            "DynamicUser=yes",
            "ProtectSystem=strict",
            "RestartPreventExitStatus=2",
            "Type=notify",
        ] {
            assert!(unit.lines().any(|has| has == line), "{name} has no {line}");
        }
        // The programs are not installed here, so anything that is stands in.
        let file = temp_dir.path().join(format!("{name}.service"));
        std::fs::write(&file, unit.replace(&format!("/usr/bin/{name}"), "/bin/true")).unwrap();
        let Ok(output) = Command::new("systemd-analyze").arg("verify").arg(&file).output().await else {
            eprintln!("systemd-analyze is not here: {name} was not verified");
            continue;
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !said.contains(&format!("{name}.service:")), "{said}");
    }
}

#[test]
fn the_image_runs_as_nobody_and_the_compose_file_names_only_what_is_there() {
    let image = read("deploy/Dockerfile");
    assert!(image.lines().any(|line| line == "USER 65532:65532") && !image.contains("# syntax="));
    let mut compose: serde_yaml_ng::Value = serde_yaml_ng::from_str(&read("deploy/compose.yml")).unwrap();
    compose.apply_merge().unwrap();
    let compose: Value = serde_json::to_value(compose).unwrap();
    for (name, service) in compose["services"].as_object().unwrap() {
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let from = volume.as_str().unwrap().split(':').next().unwrap();
            let named = compose["volumes"].get(from).is_some();
            assert!(named || super::path("deploy").join(from).exists(), "{name} mounts {from}");
        }
        let runs =
            if service["entrypoint"].is_array() { &service["entrypoint"] } else { &service["command"] };
        let program = runs[0].as_str().unwrap();
        let copied = image.contains(&format!("target/release/{program}"));
        assert!(program == "redis-server" || copied, "{name} runs {program}");
    }
}

/// Whatever the compose file takes from the environment has a value in the example.
#[test]
fn the_example_of_settings_names_what_the_compose_file_takes() {
    let example = read("deploy/compose.env.example");
    let given: Vec<_> =
        example.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    let compose = read("deploy/compose.yml");
    let taken: std::collections::BTreeSet<_> =
        compose.split("${").skip(1).map(|rest| rest.split(':').next().unwrap()).collect();
    assert_eq!(taken, given.into_iter().collect());
}
