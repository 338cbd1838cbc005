//! Persons and approvals.

use reqwest::Method;
use serde_json::json;
use tests::sandbox::scenarios::scenarios;

use super::{TestSandbox, json_of};

#[tokio::test]
async fn the_registry_answers_each_scenario_as_the_table_has_it() {
    let fixture = TestSandbox::new().await;
    for scenario in scenarios() {
        let person = fixture.registry(&format!("/persons/{}", scenario.patient_id)).send().await.unwrap();
        assert_eq!(person.status(), if scenario.person.is_some() { 200 } else { 404 }, "{}", scenario.name);
        let path = format!("/patients/{}/approvals/{}", scenario.patient_id, scenario.approval_id);
        let approval = fixture.registry(&path).send().await.unwrap();
        let Some(expected) = &scenario.approval else {
            assert_eq!(approval.status(), 404, "{}", scenario.name);
            continue;
        };
        let answered = json_of(approval).await;
        assert_eq!(answered["data"]["urgent"], expected["urgent"], "{}", scenario.name);
        assert_eq!(answered["data"]["authorize_with"], expected["authorize_with"], "{}", scenario.name);
    }
}

#[tokio::test]
async fn without_its_token_the_registry_says_nothing() {
    let fixture = TestSandbox::new().await;
    let id = scenarios()[0].patient_id;
    let path = format!("/registry/persons/{id}");
    assert_eq!(fixture.get(&path).send().await.unwrap().status(), 401);
    assert_eq!(fixture.get(&path).bearer_auth("other").send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn what_a_test_puts_is_answered_until_it_is_deleted() {
    let fixture = TestSandbox::new().await;
    let plain = &scenarios()[0];
    let path = format!("/patients/{}/approvals/{}", plain.patient_id, plain.approval_id);
    let put = fixture.request(Method::PUT, &format!("/sandbox{path}")).json(&json!({"status": "active"}));
    assert_eq!(put.send().await.unwrap().status(), 204);
    assert_eq!(
        json_of(fixture.registry(&path).send().await.unwrap()).await,
        json!({"data": {"status": "active"}})
    );
    fixture.request(Method::DELETE, &format!("/sandbox{path}")).send().await.unwrap();
    assert_eq!(fixture.registry(&path).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn patients_made_in_bulk_are_found_and_can_be_changed() {
    let fixture = TestSandbox::new().await;
    let made = fixture.request(Method::POST, "/sandbox/approvals/bulk?count=1000").send().await.unwrap();
    let made = json_of(made).await;
    assert_eq!(made.as_array().unwrap().len(), 1_000);
    let (patient, approval) =
        (made[999]["patient_id"].as_str().unwrap(), made[999]["approval_id"].as_str().unwrap());

    let path = format!("/patients/{patient}/approvals/{approval}");
    let answered = json_of(fixture.registry(&path).send().await.unwrap()).await;
    assert_eq!(answered["data"]["patient_id"], patient);
    assert_eq!(answered["data"]["status"], "new");
    assert_eq!(answered["data"]["urgent"], json!({"type": "OTP", "phone_number": made[999]["phone"]}));
    let person = json_of(fixture.registry(&format!("/persons/{patient}")).send().await.unwrap()).await;
    assert_eq!(person["data"]["authentication_methods"][0]["phone_number"], made[999]["phone"]);

    let put = fixture.request(Method::PUT, &format!("/sandbox{path}")).json(&json!({"status": "active"}));
    put.send().await.unwrap();
    let answered = json_of(fixture.registry(&path).send().await.unwrap()).await;
    assert_eq!(answered["data"]["status"], "active");
}

#[tokio::test]
async fn an_unknown_route_says_where_to_look() {
    let fixture = TestSandbox::new().await;
    let answer = fixture.get("/nowhere").send().await.unwrap();
    assert_eq!(answer.status(), 404);
    let error = json_of(answer).await["error"].take();
    assert!(error["message"].as_str().unwrap().contains("GET /"));
    // Else a wrong `RESEND_REGISTRY_URL` would say of everybody that there is no such person.
    assert_eq!(error["type"], "route_unknown");
    assert_eq!(fixture.get("/sms/messages").send().await.unwrap().status(), 405);
    assert_eq!(fixture.get("/healthz").send().await.unwrap().status(), 200);
}
