//! The program, as a test or a person starts it.

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    process::{Child, Command, Output, Stdio},
};

use super::client;

const PROGRAM: &str = env!("CARGO_BIN_EXE_resend-sandbox");

fn output(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().unwrap()
}

fn started() -> (Child, BufReader<impl Read>, String) {
    let mut child =
        Command::new(PROGRAM).args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let url = line.strip_prefix("resend-sandbox listening on ").unwrap().trim_end().to_owned();
    (child, out, url)
}

#[tokio::test]
async fn it_prints_one_line_when_it_listens_and_stops_at_once_on_either_signal() {
    for signal in ["-TERM", "-INT"] {
        let (mut child, mut out, url) = started();
        let client = client();
        assert_eq!(client.get(format!("{url}/healthz")).send().await.unwrap().status(), 200);
        // An open event stream must not hold it up.
        let _watching = client.get(format!("{url}/inbox/events")).send().await.unwrap();
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
    }
}

#[test]
fn help_names_what_to_set() {
    let help = String::from_utf8(output(&["--help"]).stdout).unwrap();
    assert!(
        help.contains("RESEND_AUTH_URL=http://127.0.0.1:7070/oauth/introspect") && help.contains("--ledger")
    );
    assert!(output(&["--version"]).stdout.starts_with(b"resend-sandbox "));
}

#[test]
fn wrong_settings_end_with_2_and_an_address_in_use_with_1() {
    assert_eq!(output(&["--check-config"]).status.code(), Some(0));
    assert_eq!(output(&["--keep", "many"]).status.code(), Some(2));
    assert_eq!(output(&["--check-config", "--ledger", "/nowhere/ledger"]).status.code(), Some(2));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = output(&["--listen", &taken.local_addr().unwrap().to_string()]);
    assert_eq!((refused.status.code(), refused.stdout.as_slice()), (Some(1), &b""[..]));
}
