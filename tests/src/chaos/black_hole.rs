//! A port whose host is gone: packets to it are dropped, so a connection is neither made nor refused. Needs root and
//! `iptables`.

use std::process::Command;

/// A port whose packets are dropped until this value is.
pub struct BlackHole {
    port: u16,
}

impl BlackHole {
    /// Drops packets to and from this port of the loopback interface; `None` if the machine does not allow it.
    pub fn at(port: u16) -> Option<Self> {
        let hole = Self { port };
        hole.rules("-A").then_some(hole)
    }

    fn rules(&self, action: &str) -> bool {
        let port = self.port.to_string();
        ["--dport", "--sport"].iter().all(|side| {
            let mut command = Command::new("iptables");
            command.args(["-w", action, "INPUT", "-i", "lo", "-p", "tcp", side, &port, "-j", "DROP"]);
            command.output().is_ok_and(|output| output.status.success())
        })
    }
}

impl Drop for BlackHole {
    fn drop(&mut self) {
        self.rules("-D");
    }
}
