//! Entries that are no messages: quarantined with their reason, while good ones are processed.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::streams::StreamRangeReply;
use tests::eventually::eventually;
use tests::keys::keys;
use tests::sandbox::scenarios::scenarios;
use tests::stack::Stack;

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_is_no_message_is_set_aside_and_the_worker_goes_on() {
    let stack = Stack::start().await;
    let mut connection = stack.redis.connection().await;
    let huge = vec![b'x'; 1024 * 1024];
    let entries: [(&str, &[u8]); 6] = [
        ("n", b"no field m"),
        ("m", b"not json"),
        ("m", b"\xff\xfe\xfd"),
        ("m", b"{\"v\":1,\"job\":7}"),
        ("m", b"{\"v\":99,\"job\":\"NBXk9EyErUZv1RhXgyvgg\"}"),
        ("m", &huge),
    ];
    for (field, value) in entries {
        let mut add = redis::cmd("XADD");
        add.arg(keys().stream()).arg("*").arg(field).arg(value);
        let _: String = add.query_async(&mut connection).await.unwrap();
    }

    let plain = scenarios().swap_remove(0);
    let ended = stack.client().resend_to_end(plain.patient_id, plain.approval_id).await;
    assert_eq!(ended.body["data"]["status"], "processed");

    let reasons = eventually("all are set aside", Duration::from_secs(10), || async {
        let aside: StreamRangeReply = redis::cmd("XRANGE")
            .arg(keys().quarantine())
            .arg("-")
            .arg("+")
            .query_async(&mut connection.clone())
            .await
            .unwrap();
        (aside.ids.len() == entries.len()).then(|| {
            aside.ids.iter().fold(BTreeMap::new(), |mut reasons: BTreeMap<String, u32>, entry| {
                *reasons.entry(entry.get("reason").unwrap()).or_default() += 1;
                reasons
            })
        })
    })
    .await;
    assert_eq!(reasons, BTreeMap::from([("malformed".to_owned(), 5), ("unknown_version".to_owned(), 1)]));
    let kept: u64 = stack.redis.command(&["MEMORY", "USAGE", &keys().quarantine()]).await;
    assert!(kept < 64 * 1024, "a megabyte of garbage is cut, not kept: {kept}");
    stack.stop().await;
}
