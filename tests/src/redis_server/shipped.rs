//! Redis started with the files of `deploy/redis` exactly as shipped, except port, folder and the path of the users'
//! file.

use std::fmt;
use std::path::{Path, PathBuf};

use super::RedisServer;
use crate::process::free_port;

/// A user of `deploy/redis/users.acl` with its password there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    name: &'static str,
    password: &'static str,
}

impl User {
    /// The API.
    pub const API: Self = Self { name: "resend-api", password: "change-me-api" };
    /// The worker.
    pub const WORKER: Self = Self { name: "resend-worker", password: "change-me-worker" };
    /// The operators' command line.
    pub const RESENDCTL: Self = Self { name: "resendctl", password: "change-me-ctl" };
    /// Whoever scrapes.
    pub const METRICS: Self = Self { name: "metrics", password: "change-me-metrics" };
    /// A user with all rights, added to the shipped list for tests that read more than any shipped user may.
    pub const OBSERVER: Self = Self { name: "observer", password: "observer" };

    /// The user that a program is started under; `None` for other programs.
    pub fn of_program(name: &str) -> Option<Self> {
        match name {
            "resend-api" => Some(Self::API),
            "resend-worker" => Some(Self::WORKER),
            "resendctl" => Some(Self::RESENDCTL),
            _ => None,
        }
    }
}

impl User {
    /// As options of `redis-cli`.
    pub fn redis_cli(self) -> [&'static str; 5] {
        ["--user", self.name, "--pass", self.password, "--no-auth-warning"]
    }
}

/// As the part of a URL before the `@`.
impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.password)
    }
}

/// The server's list of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shipped {
    /// The shipped one. A test logs in as `resendctl`.
    Exact,
    /// The shipped one and [`User::OBSERVER`] after it, which a test logs in as.
    Observed,
    /// The earlier list, whose default user had no rights: the control, because it loses what scripts wrote.
    WithoutRightsToLoad,
}

impl RedisServer {
    /// Starts a server under `deploy/redis/redis.conf` and this list of users.
    pub async fn start_shipped(folder: &Path, shipped: Shipped) -> Self {
        Self::start_shipped_with(folder, shipped, &[]).await
    }

    /// The same with these lines uncommented.
    pub async fn start_shipped_with(folder: &Path, shipped: Shipped, uncommented: &[&str]) -> Self {
        std::fs::create_dir_all(folder).expect("a folder for Redis");
        let port = free_port().expect("a free port");
        let (users, user) = users(folder, shipped);
        let own = [("--port", port.to_string()), ("--bind", "127.0.0.1".to_owned())];
        let mut arguments = vec![configuration(folder, &users).display().to_string()];
        arguments.extend(own.into_iter().flat_map(|(name, value)| [name.to_owned(), value]));
        arguments.extend(uncommented.iter().map(|word| (*word).to_owned()));
        Self::launch(folder, port, arguments, Vec::new(), Some(user)).await
    }

    /// The user that a test logs in as.
    pub fn user(&self) -> Option<User> {
        self.user
    }

    /// The URL for one of our programs: with its own user if the server has the shipped ones.
    pub fn url_of_program(&self, name: &str) -> String {
        self.url_for(self.user.and_then(|user| User::of_program(name).or(Some(user))))
    }
}

/// A file of `deploy/redis`.
pub(crate) fn shipped_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/redis").join(name)
}

/// The file with this server's two paths inserted. A copy, because a server with sentinels writes into it.
fn configuration(folder: &Path, users: &Path) -> PathBuf {
    let mut text = std::fs::read_to_string(shipped_file("redis.conf")).expect("the shipped file");
    for (shipped, own) in [("/var/lib/redis", folder), ("/etc/redis/users.acl", users)] {
        assert_eq!(text.matches(shipped).count(), 1, "{shipped} in redis.conf");
        text = text.replace(shipped, &own.display().to_string());
    }
    let copy = folder.join("redis.conf");
    std::fs::write(&copy, text).expect("a file for Redis");
    copy
}

fn users(folder: &Path, shipped: Shipped) -> (PathBuf, User) {
    let list = shipped_file("users.acl");
    if shipped == Shipped::Exact {
        return (list, User::RESENDCTL);
    }
    let text = std::fs::read_to_string(&list).expect("the shipped list");
    let (text, user) = if shipped == Shipped::WithoutRightsToLoad {
        let others = text.lines().filter(|line| !line.starts_with("user default "));
        let lines: Vec<_> = std::iter::once("user default off").chain(others).collect();
        (lines.join("\n") + "\n", User::RESENDCTL)
    } else {
        let User { name, password } = User::OBSERVER;
        (format!("{text}user {name} on >{password} ~* &* +@all\n"), User::OBSERVER)
    };
    let copy = folder.join("users.acl");
    std::fs::write(&copy, text).expect("a list of users");
    (copy, user)
}
