//! The board: only with the token, and without personal data.

use std::time::Duration;

use reqwest::StatusCode;
use tests::client::{Answer, ApiClient};
use tests::eventually::eventually;
use tests::sandbox::scenarios::scenarios;
use tests::stack::{Stack, StackBuilder};

const TOKEN: &str = "board-token-of-these-tests";

async fn board(stack: &Stack, token: &str) -> Answer {
    ApiClient::new(&stack.workers[0].url, token).get("/board").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_board_shows_the_queue_to_who_knows_the_token_and_names_no_patient() {
    let stack = StackBuilder::new().set("RESEND_BOARD_TOKEN", TOKEN).start().await;
    let client = stack.client();
    let mut failed = None;
    for scenario in scenarios() {
        let answer = client.resend(scenario.patient_id, scenario.approval_id).await;
        if answer.status == StatusCode::ACCEPTED {
            let end = client.end_of(&answer.location(), Duration::from_secs(15)).await;
            failed = Some(answer.location()).filter(|_| end.body["data"]["status"] == "failed").or(failed);
        }
    }
    let shown = board(&stack, TOKEN).await;
    assert_eq!(shown.status, StatusCode::OK);
    let page = shown.body.as_str().unwrap();
    let failed = failed.unwrap();
    let failed = failed.rsplit('/').next().unwrap();
    for part in ["resend", "Quarantine", "Why jobs fail", failed] {
        assert!(page.contains(part), "no {part}: {page}");
    }
    assert!(!page.contains("+38"), "{page}");
    for scenario in scenarios() {
        assert!(!page.contains(&scenario.patient_id.to_string()), "{page}");
    }
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    assert!(shown.header("content-security-policy").unwrap().starts_with("default-src 'none'"));

    let by_browser = reqwest::Client::new().get(format!("{}/board", stack.workers[0].url));
    assert_eq!(Answer::of(by_browser.basic_auth("anybody", Some(TOKEN))).await.status, StatusCode::OK);
    for wrong in ["", "mis-a-token", "board-token-of-these-test"] {
        let refused = board(&stack, wrong).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{wrong:?}");
        assert!(refused.header("www-authenticate").unwrap().starts_with("Basic"));
        assert!(!refused.body.as_str().unwrap().contains("Quarantine"), "{}", refused.body);
    }
    for member in &stack.workers {
        assert!(!member.process.log().contains(TOKEN));
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_the_board_lives_and_says_so() {
    let mut stack = StackBuilder::new().set("RESEND_BOARD_TOKEN", TOKEN).start().await;
    let quiet = board(&stack, TOKEN).await.body.as_str().unwrap().to_owned();
    assert!(quiet.contains("● live") && quiet.contains("<title>Now – resend</title>"), "{quiet}");
    stack.redis.kill().await;
    let page = eventually("it is noticed", Duration::from_secs(15), || async {
        let page = board(&stack, TOKEN).await.body.as_str().unwrap().to_owned();
        page.contains("Redis away").then_some(page)
    })
    .await;
    // The earlier figures stay, and title and icon show an alarm.
    for part in ["(1) Now – resend", "Redis does not answer", "running, of slots", "%23b3261e"] {
        assert!(page.contains(part), "no {part}: {page}");
    }
    let others = ApiClient::new(&stack.workers[0].url, TOKEN).get("/board/jobs").await;
    assert_eq!(others.status, StatusCode::SERVICE_UNAVAILABLE);
    stack.redis.restart().await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_there_is_no_board() {
    let stack = Stack::start().await;
    assert_eq!(board(&stack, TOKEN).await.status, StatusCode::NOT_FOUND);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_page_is_served_without_a_script_and_a_search_leads_to_the_job() {
    let stack = StackBuilder::new().set("RESEND_BOARD_TOKEN", TOKEN).start().await;
    let plain = scenarios().swap_remove(0);
    let accepted = stack.client().resend(plain.patient_id, plain.approval_id).await;
    stack.client().end_of(&accepted.location(), Duration::from_secs(15)).await;
    let job = accepted.location().rsplit('/').next().unwrap().to_owned();
    let board = ApiClient::new(&stack.workers[0].url, TOKEN);
    let pages =
        ["jobs", "jobs?state=failed", "errors", "quarantine", "workers", "activity", &format!("jobs/{job}")]
            .map(|page| format!("/board/{page}"));
    for path in pages {
        let page = board.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        let text = page.body.as_str().unwrap();
        assert!(
            text.contains("<nav") && !text.contains("<script") && !text.contains("+38020"),
            "{path}: {text}"
        );
    }
    // The first page reloads by itself, unless it is paused; no other page does.
    let reloads = async |path: &str| board.get(path).await.header("refresh").map(str::to_owned);
    assert_eq!(reloads("/board").await.as_deref(), Some("5"));
    assert_eq!((reloads("/board?hold=yes").await, reloads("/board/jobs").await), (None, None));
    let found = board.get(&format!("/board/jobs?find=/Jobs/{job}")).await;
    assert!(found.body.as_str().unwrap().contains("Processed: the message was sent"), "{}", found.body);
    assert_eq!(board.get("/board/jobs/no-such-job").await.status, StatusCode::NOT_FOUND);
    stack.stop().await;
}
