//! Small C libraries (`tests/chaos/shims`) that are preloaded into `redis-server` to simulate faults of its machine.

use std::path::PathBuf;
use std::process::Command;

use crate::temp_dir::TempDir;

/// A compiled library in its own folder.
pub struct Shim {
    temp_dir: TempDir,
}

impl Shim {
    /// Builds it; `None` without a C compiler.
    pub fn build(source: &str) -> Option<Self> {
        let shim = Self { temp_dir: TempDir::new().ok()? };
        std::fs::write(shim.path("shim.c"), source).ok()?;
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(shim.path("shim.so"));
        let built = compiler.arg(shim.path("shim.c")).arg("-ldl").status();
        built.is_ok_and(|status| status.success()).then_some(shim)
    }

    /// The environment variables for the program: the library, and the file through which it talks to the harness.
    pub fn environment(&self, file: &'static str) -> [(&'static str, String); 2] {
        let text = |name| self.path(name).display().to_string();
        [("LD_PRELOAD", text("shim.so")), (file, text("file"))]
    }

    /// That file.
    pub fn file(&self) -> PathBuf {
        self.path("file")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp_dir.path().join(name)
    }
}
