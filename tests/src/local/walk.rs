//! The main job, step by step, each with the equivalent curl line.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Answer, ApiClient, resend_path};
use crate::sandbox::scenarios::{Expected, Scenario, scenarios};

use super::LocalError;
use super::checks::Step;
use super::stack::LocalStack;

const TOKEN: &str = "mis-a-token";

/// How long the job may take on an idle machine before the walk calls it a difference.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// The main job, and under a profile that answers refusals at once such a refusal.
pub(super) async fn of(stack: &LocalStack) -> Result<(), LocalError> {
    main_job(stack).await?;
    if stack.expected.refuses_at_once { refusal(stack).await } else { Ok(()) }
}

/// PATCH → 202, polls, the result, the message in the inbox.
async fn main_job(stack: &LocalStack) -> Result<(), LocalError> {
    let client = ApiClient::new(&stack.api, TOKEN);
    // The first scenario of the table is the plain case.
    let scenario = scenarios().swap_remove(0);
    let started = Instant::now();
    let href = ask(stack, &client, &scenario).await?;
    let job = poll(stack, &client, &href).await?;
    let took = started.elapsed();
    result(&job, &href, &scenario)?;
    inbox(stack, &href, &scenario).await?;
    println!(
        "\nThe main job ran from PATCH to result in {} ms, everything as the contract says.",
        took.as_millis()
    );
    Ok(())
}

async fn ask(stack: &LocalStack, client: &ApiClient, scenario: &Scenario) -> Result<String, LocalError> {
    let step = Step("PATCH");
    let path = resend_path(scenario.patient_id, scenario.approval_id);
    title("1. A client asks for the code of an approval to be sent again");
    let mut request = client.request(reqwest::Method::PATCH, &path);
    let mut prefer = "";
    if stack.expected.may_wait {
        request = request.header("Prefer", "respond-async");
        prefer = " -H 'Prefer: respond-async'";
    }
    curl(&format!("-X PATCH -H 'Authorization: Bearer {TOKEN}'{prefer} {}{path}", stack.api));
    let answer = Answer::try_of(request).await?;
    shown(&answer);
    step.equal("the status", &json!(answer.status.as_u16()), &json!(202))?;
    step.members("the body", &answer.body, &["data", "meta"])?;
    step.members("data", &answer.body["data"], &["status", "eta", "links"])?;
    step.members("meta", &answer.body["meta"], &["code", "url", "type", "request_id"])?;
    step.equal("data.status", &answer.body["data"]["status"], &json!("pending"))?;
    let href = answer.body["data"]["links"][0]["href"].as_str().unwrap_or_default().to_owned();
    step.equal("data.links", &answer.body["data"]["links"], &json!([{"entity": "job", "href": href}]))?;
    let link = &stack.expected.job_link;
    let id = href.strip_prefix(link).unwrap_or_default();
    step.holds(id.len() == 21, format!("href is {href:?}, the contract says {link} and 21 characters"))?;
    step.equal("Location", &json!(answer.header("location")), &json!(href))?;
    step.holds(answer.header("retry-after").is_some(), "Retry-After is missing")?;
    passed("202 with the link to a job, when it will be done, and when to look");
    Ok(href)
}

async fn poll(stack: &LocalStack, client: &ApiClient, href: &str) -> Result<Answer, LocalError> {
    title("2. It polls the job until it has ended");
    curl(&format!("-H 'Authorization: Bearer {TOKEN}' {}{href}", stack.api));
    let until = Instant::now() + ENDS_WITHIN;
    let mut polls = 1;
    let mut answer = Answer::try_of(client.request(reqwest::Method::GET, href)).await?;
    while answer.body["data"]["status"] == "pending" && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
        polls += 1;
        answer = Answer::try_of(client.request(reqwest::Method::GET, href)).await?;
    }
    shown(&answer);
    passed(&format!("the job has ended after {polls} polls"));
    Ok(answer)
}

fn result(job: &Answer, href: &str, scenario: &Scenario) -> Result<(), LocalError> {
    let step = Step("GET of the job");
    let data = &job.body["data"];
    step.equal("the status", &json!(job.status.as_u16()), &json!(200))?;
    step.members("data", data, &["eta", "status", "links", "ended_at", "status_code", "response_data"])?;
    step.equal("data.links", &data["links"], &json!([{"entity": "job", "href": href}]))?;
    let ended_at = data["ended_at"].as_str().and_then(shared::domain::clock::parse_iso);
    step.holds(ended_at.is_some(), format!("ended_at is {}, the contract says ISO 8601", data["ended_at"]))?;
    step.equal("data.status", &data["status"], &json!("processed"))?;
    step.equal("data.status_code", &data["status_code"], &json!(200))?;
    step.equal("response_data.id", &data["response_data"]["id"], &json!(scenario.approval_id))?;
    let number =
        data["response_data"]["authentication_method_current"]["number"].as_str().unwrap_or_default();
    step.holds(number.contains("*****"), format!("the number is {number:?}, the contract says masked"))?;
    passed("the approval is in the result, with the phone number masked");
    Ok(())
}

async fn inbox(stack: &LocalStack, href: &str, scenario: &Scenario) -> Result<(), LocalError> {
    let step = Step("the message");
    let job = href.rsplit('/').next().unwrap_or_default();
    let search = match &scenario.expected {
        Expected::Sent { to } if stack.expected.is_platforms_code => {
            format!("to=%2B{}", to.trim_start_matches('+'))
        }
        _ => format!("reference={job}"),
    };
    message(stack, &search, &step).await
}

async fn message(stack: &LocalStack, search: &str, step: &Step) -> Result<(), LocalError> {
    let url = format!("{}/inbox.json?{search}", stack.sandbox);
    title("3. The message is on the phone");
    curl(&format!("'{url}'"));
    let messages: Value = reqwest::get(url).await?.json().await?;
    println!("{}", pretty(&messages));
    let messages =
        messages.as_array().or_else(|| messages["messages"].as_array()).cloned().unwrap_or_default();
    step.holds(messages.len() == 1, format!("{} messages were sent, the contract says 1", messages.len()))?;
    let text = messages[0]["text"].as_str().unwrap_or_default();
    let length = stack.expected.code_length;
    let has_code = text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() == length);
    step.holds(has_code, format!("the text has no code of {length} digits"))?;
    passed(&format!("one message with a code of {length} digits"));
    Ok(())
}

/// A refusal is the answer itself, for clients that never poll.
async fn refusal(stack: &LocalStack) -> Result<(), LocalError> {
    let (step, client) = (Step("the refusal"), ApiClient::new(&stack.api, TOKEN));
    let Some(scenario) = scenarios().into_iter().find(|scenario| scenario.name == "offline") else {
        return step.holds(false, "the sandbox has no such case");
    };
    let path = resend_path(scenario.patient_id, scenario.approval_id);
    title("4. A refusal is the answer itself, for clients that never poll");
    curl(&format!("-X PATCH -H 'Authorization: Bearer {TOKEN}' {}{path}", stack.api));
    let answer = Answer::try_of(client.request(reqwest::Method::PATCH, &path)).await?;
    shown(&answer);
    step.equal("the status", &json!(answer.status.as_u16()), &json!(scenario.expected.status_code()))?;
    passed("409 with the platform's own words");
    Ok(())
}

fn title(text: &str) {
    println!("\n{text}");
}

fn curl(arguments: &str) {
    println!("\n    $ curl -sS -i {arguments}\n");
}

fn passed(what: &str) {
    println!("  ok  {what}");
}

fn shown(answer: &Answer) {
    println!("HTTP {}", answer.status);
    for name in ["location", "retry-after", "x-request-id"] {
        if let Some(value) = answer.header(name) {
            println!("{name}: {value}");
        }
    }
    println!("{}", pretty(&answer.body));
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
