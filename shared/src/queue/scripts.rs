//! The scripts of the queue, each behind the same prelude; those that predict, behind a second one.

use ::redis::Script;

macro_rules! script {
    ($file:literal) => {
        Script::new(concat!(include_str!("scripts/prelude.lua"), include_str!(concat!("scripts/", $file))))
    };
    ($file:literal, with eta) => {
        Script::new(concat!(
            include_str!("scripts/prelude.lua"),
            include_str!("scripts/eta.lua"),
            include_str!(concat!("scripts/", $file))
        ))
    };
}

/// Every script, hashed once.
pub(super) struct Scripts {
    pub(super) enqueue: Script,
    pub(super) begin_send: Script,
    pub(super) finish: Script,
    pub(super) retry_later: Script,
    pub(super) hand_back: Script,
    pub(super) let_go: Script,
    pub(super) promote: Script,
    pub(super) heartbeat: Script,
    pub(super) reclaim: Script,
    pub(super) quarantine: Script,
    pub(super) announce: Script,
    pub(super) audit: Script,
    pub(super) bury: Script,
    pub(super) overview: Script,
    pub(super) describe: Script,
    pub(super) cancel: Script,
    pub(super) retry_now: Script,
    pub(super) unquarantine: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            enqueue: script!("enqueue.lua", with eta),
            begin_send: script!("begin_send.lua"),
            finish: script!("finish.lua", with eta),
            retry_later: script!("retry_later.lua", with eta),
            hand_back: script!("hand_back.lua", with eta),
            let_go: script!("let_go.lua"),
            promote: script!("promote.lua"),
            heartbeat: script!("heartbeat.lua"),
            reclaim: script!("reclaim.lua"),
            quarantine: script!("quarantine.lua"),
            announce: script!("announce.lua"),
            audit: script!("audit.lua"),
            bury: script!("bury.lua"),
            overview: script!("overview.lua"),
            describe: script!("describe.lua"),
            cancel: script!("cancel.lua"),
            retry_now: script!("retry_now.lua", with eta),
            unquarantine: script!("unquarantine.lua"),
        }
    }
}
