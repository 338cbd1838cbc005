//! Redis in other shapes than one server: a cluster with partitions on their own slots.

use std::collections::HashSet;

use futures_util::StreamExt;
use futures_util::stream;
use reqwest::{Method, StatusCode};
use tests::client::{Answer, resend_path};
use tests::place::Place;
use tests::redis_cluster::RedisCluster;
use tests::sandbox::scenarios::{Expected, scenarios};
use tests::stack::StackBuilder;

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_serves_partitions_on_slots_of_their_own() {
    const PARTITIONS: usize = 6;
    let place = Place::new().unwrap();
    let cluster = RedisCluster::start(place.path(), 3, 0).await;
    let stack = StackBuilder::new()
        .set("RESEND_REDIS_URL", cluster.urls())
        .set("RESEND_REDIS_MODE", "cluster")
        .set("RESEND_QUEUE_PARTITIONS", PARTITIONS)
        .workers(2)
        .start()
        .await;
    let client = stack.client();
    let sendable = scenarios().into_iter().filter(|scenario| matches!(scenario.expected, Expected::Sent { .. }));
    let jobs = stream::iter(sendable).map(|scenario| {
        let client = client.clone();
        async move { client.resend_to_end(scenario.patient_id, scenario.approval_id).await }
    });
    let ended: Vec<_> = jobs.buffer_unordered(4).collect().await;
    assert!(ended.iter().all(|job| job.body["data"]["status"] == "processed"), "{ended:#?}");
    assert_eq!(stack.ledger().len(), ended.len());

    let mut holding = HashSet::new();
    for node in &cluster.nodes {
        for key in node.command::<Vec<String>>(&["KEYS", "resend:{*}:job:*"]).await {
            holding.insert((node.port(), key.split(':').nth(1).unwrap().to_owned()));
        }
    }
    let nodes: HashSet<_> = holding.iter().map(|(node, _)| *node).collect();
    let tags: HashSet<_> = holding.iter().map(|(_, tag)| tag).collect();
    assert!(nodes.len() > 1 && tags.len() == holding.len(), "jobs spread over nodes, a partition on one: {holding:?}");

    // A key used for another approval is noticed wherever that approval lives.
    let ids = scenarios().into_iter().map(|scenario| (scenario.patient_id, scenario.approval_id));
    let mut statuses = Vec::new();
    for (patient, approval) in ids.rev().take(5) {
        let path = resend_path(patient, approval);
        let answer = Answer::of(client.request(Method::PATCH, &path).header("idempotency-key", "one-key")).await;
        statuses.push(answer.status);
    }
    assert_eq!(statuses[0], StatusCode::ACCEPTED);
    assert!(statuses[1..].iter().all(|status| *status == StatusCode::UNPROCESSABLE_ENTITY), "{statuses:?}");
}
