//! A folder for one test: data, logs, ledger. It is kept if the test fails, for inspection.

use std::path::{Path, PathBuf};

use uuid::Uuid;

/// Removed on drop, unless the test is failing.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// A new folder under the system's temporary one.
    pub fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("resend-{}", Uuid::new_v4().simple()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Keeps the folder, for inspection.
    pub fn keep(self) -> PathBuf {
        let path = self.0.clone();
        std::mem::forget(self);
        path
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("data and logs of this run: {}", self.0.display());
        } else {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
