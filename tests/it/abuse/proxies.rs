//! Whose report of a client's address is trusted, and what the log keeps of a request.

use reqwest::Method;
use serde_json::Value;
use tests::client::{Answer, resend_path};
use tests::sandbox::scenarios::scenarios;
use tests::stack::StackBuilder;

/// The last line about a request.
fn last_request(log: &str) -> Option<Value> {
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.rfind(|line| line["message"] == "request")
}

#[tokio::test(flavor = "multi_thread")]
async fn request_lines_name_client_job_reason_and_the_address_behind_trusted_proxies() {
    for (trusted, peer) in [("127.0.0.0/8", "192.0.2.1"), ("10.0.0.0/8", "127.0.0.1")] {
        let stack = StackBuilder::new().workers(0).set("RESEND_API_TRUSTED_PROXIES", trusted).start().await;
        let plain = scenarios().swap_remove(0);
        let path = resend_path(plain.patient_id, plain.approval_id);
        let ask = |token| {
            let client = stack.client().with_token(token);
            client.request(Method::PATCH, &path).header("x-forwarded-for", "6.6.6.6, 192.0.2.1")
        };
        let job = Answer::of(ask("mis-a-token")).await.location().replace("/Jobs/", "");
        let line = tests::eventually::eventually("the line", std::time::Duration::from_secs(5), || async {
            last_request(&stack.apis[0].process.log()).filter(|line| line["status"] == 202)
        })
        .await;
        assert_eq!((line["peer"].as_str(), line["job"].as_str()), (Some(peer), Some(job.as_str())));
        assert_eq!(line["client"], "mis-a");
        assert!(line.get("reason").is_none(), "{line}");

        Answer::of(ask("mis-b-token")).await;
        let line = tests::eventually::eventually("the line", std::time::Duration::from_secs(5), || async {
            last_request(&stack.apis[0].process.log()).filter(|line| line["status"] == 429)
        })
        .await;
        assert_eq!((line["reason"].as_str(), line["client"].as_str()), (Some("live_job"), Some("mis-b")));
    }
}
