//! Wrong and missing settings, as seen by the person who starts a program: the variable is named, and the exit status
//! is 2.

use std::process::Output;
use std::time::Duration;

use shared::settings::table;
use tests::eventually::eventually;
use tests::keys::keys;
use tests::process::program;
use tests::stack::{Stack, service_settings};
use tokio::process::Command;

async fn run(name: &str, arguments: &[&str], changes: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program(name));
    command.args(arguments).env_clear();
    command.envs(service_settings("redis://:hunter2@127.0.0.1:1/0", "http://127.0.0.1:1"));
    for (name, value) in changes {
        command.env(name, value);
    }
    command.output().await.unwrap()
}

async fn refused(name: &str, changes: &[(&str, &str)]) -> String {
    let output = run(name, &[], changes).await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn a_wrong_or_missing_setting_is_named_with_what_it_wants() {
    for (name, variable, value, says) in [
        ("resend-api", "RESEND_AUTH_MODE", "", "RESEND_AUTH_MODE is not set"),
        ("resend-api", "RESEND_AUTH_MODE", "none", "invalid RESEND_AUTH_MODE=\"none\""),
        ("resend-api", "RESEND_JOB_HREF", "/jobs", "{id}"),
        ("resend-api", "RESEND_API_LISTEN", "8080", "address and port"),
        ("resend-api", "RESEND_REDIS_URL", "localhost", "redis://"),
        ("resend-worker", "RESEND_REGISTRY_URL", "", "RESEND_REGISTRY_URL is not set"),
        ("resend-worker", "RESEND_OTP_KEY", "c2hvcnQ=", "invalid RESEND_OTP_KEY"),
        ("resend-worker", "RESEND_JOB_DEADLINE_SECONDS", "301", "RESEND_OTP_TTL_SECONDS"),
        ("resend-worker", "RESEND_LEASE_SECONDS", "1", "from 2 to 3600"),
        ("resend-worker", "RESEND_QUEUE_NAMES", "x", "did you mean RESEND_QUEUE_NAME?"),
    ] {
        let error = refused(name, &[(variable, value)]).await;
        assert!(error.contains(variable) && error.contains(says), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[tokio::test]
async fn check_config_prints_what_is_in_force_and_no_secret() {
    for name in ["resend-api", "resend-worker"] {
        let output = run(name, &["--check-config"], &[("RESEND_LEASE_SECONDS", "7")]).await;
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains("RESEND_LEASE_SECONDS=7  # environment"), "{text}");
        for secret in ["hunter2", "sandbox-secret", "registry-token", "sms-token", "dGVzdHM"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[tokio::test]
async fn help_lists_every_setting_and_version_says_it() {
    for name in ["resend-api", "resend-worker"] {
        let help = String::from_utf8(run(name, &["--help"], &[]).await.stdout).unwrap();
        let table = if name == "resend-api" { table::API } else { table::WORKER };
        for variable in table::variables(table) {
            assert!(help.contains(variable.name), "{}", variable.name);
        }
        let version = String::from_utf8(run(name, &["--version"], &[]).await.stdout).unwrap();
        assert_eq!(version.trim(), format!("{name} {}", env!("CARGO_PKG_VERSION")));
    }
}

#[tokio::test]
async fn the_environment_wins_over_the_file() {
    let temp_dir = tests::temp_dir::TempDir::new().unwrap();
    let file = temp_dir.path().join("settings.toml");
    std::fs::write(&file, "lease_seconds = 9\nmax_deliveries = 4\n").unwrap();
    let changes = [("RESEND_CONFIG", file.to_str().unwrap()), ("RESEND_LEASE_SECONDS", "7")];
    let output = run("resend-worker", &["--check-config"], &changes).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("RESEND_LEASE_SECONDS=7  # environment"), "{text}");
    assert!(text.contains("RESEND_MAX_DELIVERIES=4  # file"), "{text}");

    std::fs::write(&file, "leese_seconds = 9\n").unwrap();
    let error = refused("resend-worker", &changes).await;
    assert!(error.contains("did you mean RESEND_LEASE_SECONDS?"), "{error}");
}

#[tokio::test]
async fn every_wrong_setting_is_named_at_once() {
    for (name, own) in
        [("resend-api", ("RESEND_SYNC_POLICY", "always")), ("resend-worker", ("RESEND_OTP_LENGTH", "9"))]
    {
        let wrong =
            [own, ("RESEND_LEASE_SECONDS", "1"), ("RESEND_REDIS_URL", "localhost"), ("RESEND_LOGG", "x")];
        let error = refused(name, &wrong).await;
        assert_eq!(error.lines().count(), wrong.len(), "{error}");
        assert!(wrong.iter().all(|(variable, _)| error.contains(variable)), "{error}");
    }
}

#[tokio::test]
async fn names_that_kubernetes_injects_are_passed_over() {
    let injected =
        [("RESEND_API_SERVICE_HOST", "10.0.0.1"), ("RESEND_API_PORT_8080_TCP", "tcp://10.0.0.1:8080")];
    for name in ["resend-api", "resend-worker"] {
        assert!(run(name, &["--check-config"], &injected).await.status.success(), "{name}");
    }
}

#[tokio::test]
async fn cleartext_off_this_machine_is_warned_about() {
    let output =
        run("resend-worker", &["--check-config"], &[("RESEND_REGISTRY_URL", "http://registry")]).await;
    let warned = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && warned.contains("RESEND_REGISTRY_URL: http:// to registry"),
        "{warned}"
    );
}

/// `UPDATE_SETTINGS=1` rewrites the page.
#[test]
fn the_page_of_settings_is_that_of_the_tables() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/settings.md");
    if std::env::var_os("UPDATE_SETTINGS").is_some() {
        std::fs::write(path, table::markdown()).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap() == table::markdown(),
        "deploy/settings.md: UPDATE_SETTINGS=1"
    );
}

#[tokio::test]
async fn what_differs_within_a_fleet_is_said_at_start_and_refused_where_one_would_undo_the_others_work() {
    const OTHER_KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let mut stack = Stack::start().await;
    eventually("the worker announces its settings", Duration::from_secs(10), || async {
        (stack.redis.command::<u64>(&["HLEN", &keys().upstreams()]).await > 0).then_some(())
    })
    .await;
    let index = stack.add_worker(&[("RESEND_JOB_DEADLINE_SECONDS", "200")]).await;
    let line = stack.workers[index].process.logged("a setting differs within the fleet").await;
    assert_eq!(
        (&line["setting"], &line["own"], &line["other"]),
        (&"RESEND_JOB_DEADLINE_SECONDS".into(), &"200".into(), &"300".into())
    );
    let mut command = Command::new(program("resend-worker"));
    command.env_clear().envs(stack.settings().iter().cloned()).env("RESEND_OTP_KEY", OTHER_KEY);
    let output = tokio::time::timeout(Duration::from_secs(20), command.output()).await.unwrap().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert!(log.contains("RESEND_OTP_KEY") && log.contains("(new,old)") && !log.contains(OTHER_KEY), "{log}");
    stack.stop().await;
}
