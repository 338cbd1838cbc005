//! 16: scripts are flushed away ten times a second, and answers are cut after their script ran.

use std::collections::HashSet;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tests::chaos::arena::{Arena, Setup, fleet};
use tests::chaos::asked::{Asked, Told};
use tests::chaos::finding::Finding;
use tests::chaos::proxy::{Flow, Proxy};

/// How often scripts are flushed.
const FLUSHED_EVERY: Duration = Duration::from_millis(100);

/// Share of answers that are cut.
const CUT: f64 = 0.01;

pub(crate) async fn run(setup: Setup) -> Finding {
    let jobs = setup.size(800, 6_000);
    let mut finding = Finding::default();
    let mut arena = Arena::start(fleet(4).apis(0).workers(0)).await;
    let proxy = Proxy::to(arena.stack.redis.port()).await.expect("a proxy");
    arena.stack.set("RESEND_REDIS_URL", proxy.redis_url());
    arena.add_api(&[]).await;
    arena.stack.add_worker(&[]).await;
    arena.stack.add_worker(&[]).await;
    let flushing = tokio::spawn(flush(arena.redis().await));
    proxy.carry(Flow::Pass, Flow::Lose(CUT));
    let asked = arena.load(100.0).run(arena.people(jobs).await).await;
    let drained = arena.drained(Duration::from_mins(1)).await;
    proxy.heal();
    flushing.abort();

    finding.exactly("errors to clients", errors(&asked), 0);
    finding.within("drained", drained, Duration::from_mins(1));
    let evidence = arena.evidence(asked, HashSet::new()).await;
    finding.exactly("jobs stored", evidence.records.len(), jobs);
    finding.exactly("SMS", evidence.ledger.len(), jobs);
    let counted_twice = evidence.records.values().filter(|record| record.sends != 1).count();
    finding.exactly("jobs whose sends were miscounted", counted_twice, 0);
    finding.exactly("processes exited", arena.exited(), 0);
    arena.check(&evidence, &mut finding).await;
    arena.close(&mut finding);
    finding
}

async fn flush(mut redis: MultiplexedConnection) {
    let mut tick = tokio::time::interval(FLUSHED_EVERY);
    loop {
        tick.tick().await;
        let _: Result<String, _> = redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut redis).await;
    }
}

fn errors(asked: &[Asked]) -> usize {
    let told = asked.iter().flat_map(|asked| &asked.attempts).map(|attempt| &attempt.told);
    told.filter(|told| !matches!(told, Told::Accepted { .. })).count()
}
