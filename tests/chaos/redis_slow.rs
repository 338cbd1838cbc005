//! 15: Redis is slow, frozen, or behind half-open connections.

use std::collections::HashSet;
use std::time::Duration;

use tests::chaos::arena::{Arena, Setup, fleet};
use tests::chaos::asked::Asked;
use tests::chaos::finding::Finding;
use tests::chaos::proxy::{Flow, Proxy};
use tests::chaos::refusals;

/// Requests a second.
const RATE: f64 = 60.0;

pub(crate) async fn run(setup: Setup) -> Finding {
    let (seconds, lease) = setup.size((5, 4), (40, 30));
    let trouble = Duration::from_secs(seconds);
    let mut finding = Finding::default();
    let mut arena = Arena::start(fleet(lease).apis(0).workers(0)).await;
    let proxy = Proxy::to(arena.stack.redis.port()).await.expect("a proxy");
    arena.stack.set("RESEND_REDIS_URL", proxy.redis_url());
    arena.add_api(&[]).await;
    arena.stack.add_worker(&[]).await;
    arena.stack.add_worker(&[]).await;

    let mut asked = slow(&arena, &proxy, trouble).await;
    asked.extend(frozen(&arena, trouble).await);
    asked.extend(half_open(&arena, &proxy, trouble).await);
    let drained = arena.drained(Duration::from_mins(2)).await;
    finding.within("nothing pending after", drained, Duration::from_secs(lease + 6));
    finding.exactly("processes exited", arena.exited(), 0);
    refusals::report(&asked, &mut finding);
    // What a worker submitted while Redis could not be told of it may be submitted once more.
    let excused: HashSet<String> = asked.iter().flat_map(Asked::jobs).map(str::to_owned).collect();
    let evidence = arena.evidence(asked, excused).await;
    finding.note(format!(
        "{} processed, {} with two SMS",
        evidence.in_state("processed"),
        evidence.with_messages(2)
    ));
    arena.check(&evidence, &mut finding).await;
    arena.close(&mut finding);
    finding
}

/// So many clients as fit into the time, each insisting until it is accepted.
async fn ask_for(arena: &Arena, time: Duration) -> tokio::task::JoinHandle<Vec<Asked>> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let count = (RATE * (time.as_secs_f64() + 2.0)) as usize;
    let (load, people) = (arena.load(RATE).at_once(400), arena.people(count).await);
    tokio::spawn(async move { load.run(people).await })
}

async fn slow(arena: &Arena, proxy: &Proxy, time: Duration) -> Vec<Asked> {
    let asking = ask_for(arena, time).await;
    proxy.carry(Flow::Delay(Duration::from_millis(150)), Flow::Delay(Duration::from_millis(150)));
    tokio::time::sleep(time).await;
    proxy.carry(Flow::Pass, Flow::Pass);
    asking.await.expect("the clients")
}

async fn frozen(arena: &Arena, time: Duration) -> Vec<Asked> {
    let asking = ask_for(arena, time).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    arena.stack.redis.process().signal("STOP").await;
    tokio::time::sleep(time).await;
    arena.stack.redis.process().signal("CONT").await;
    asking.await.expect("the clients")
}

async fn half_open(arena: &Arena, proxy: &Proxy, time: Duration) -> Vec<Asked> {
    let asking = ask_for(arena, time).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    proxy.carry(Flow::Swallow, Flow::Swallow);
    tokio::time::sleep(time).await;
    proxy.heal();
    asking.await.expect("the clients")
}
