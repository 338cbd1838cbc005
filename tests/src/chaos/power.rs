//! Power loss for a `redis-server`: data that is not on the disk yet is lost. A library preloaded into the server
//! records what fsync covered; at the power loss the server is killed and its files are truncated to that.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::shim::Shim;
use crate::redis_server::RedisServer;

/// Source of the library.
const SOURCE: &str = include_str!("../../chaos/shims/power_loss.c");

/// The library, and its record.
pub struct Power(Shim);

impl Power {
    /// Builds the library; `None` without a C compiler.
    pub fn new() -> Option<Self> {
        Some(Self(Shim::build(SOURCE)?))
    }

    /// The environment variables for `redis-server`.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        self.0.environment("SYNCED_LOG")
    }

    /// Simulates a power loss; returns how many bytes were lost.
    pub async fn fails(&self, redis: &mut RedisServer) -> u64 {
        redis.kill().await;
        let synced = self.synced();
        let files = files(redis.folder()).into_iter();
        files.map(|(path, now)| cut(&path, now.len(), synced.get(&now.ino()).copied().unwrap_or(0))).sum()
    }

    /// Bytes that would be lost now.
    pub fn at_stake(&self, redis: &RedisServer) -> u64 {
        let synced = self.synced();
        let files = files(redis.folder()).into_iter();
        files.map(|(_, now)| now.len().saturating_sub(synced.get(&now.ino()).copied().unwrap_or(0))).sum()
    }

    /// Inode → length on the disk.
    fn synced(&self) -> HashMap<u64, u64> {
        let text = std::fs::read_to_string(self.0.file()).unwrap_or_default();
        let line = |line: &str| {
            let (inode, length) = line.split_once(' ')?;
            Some((inode.parse().ok()?, length.parse().ok()?))
        };
        text.lines().filter_map(line).collect()
    }
}

/// The files with the server's data; its log is not included.
fn files(folder: &Path) -> Vec<(PathBuf, Metadata)> {
    let entries = std::fs::read_dir(folder.join("appendonlydir")).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?))).collect()
}

fn cut(path: &Path, length: u64, to: u64) -> u64 {
    if length <= to {
        return 0;
    }
    let file = File::options().write(true).open(path);
    file.and_then(|file| file.set_len(to)).expect("a file of our own server");
    length - to
}
