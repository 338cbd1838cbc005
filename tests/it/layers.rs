//! The modules of each crate form no circle, and `shared` keeps its layers. Read from the text of the sources: paths are
//! followed through re-exports to the file that defines a name; code for tests, and what a module takes from the modules it
//! lies in, does not count.

mod graph;
mod source;

use std::path::{Path, PathBuf};

use graph::Graph;

/// Each imports only from those before it (`shared/README.md`).
const LAYERS: [&str; 7] = ["domain", "settings", "telemetry", "runtime", "redis", "queue", "sending"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The folders of the crates' roots.
fn roots(folder: &Path, found: &mut Vec<PathBuf>) {
    if ["lib.rs", "main.rs"].iter().any(|root| folder.join(root).is_file()) {
        found.push(folder.to_owned());
    }
    let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    for below in folders.filter(|path| path.is_dir()) {
        let name = below.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !["target", "peers", "node_modules"].contains(&name) {
            roots(&below, found);
        }
    }
}

fn graph_of(root: &Path) -> Graph {
    Graph::of(source::read(root))
}

#[test]
fn no_modules_form_a_circle() {
    let mut found = Vec::new();
    for name in ["shared", "api", "worker", "tests"] {
        roots(&repository().join(name), &mut found);
    }
    assert!(found.len() >= 7, "{found:?}");
    let circles: Vec<_> = found
        .iter()
        .flat_map(|root| {
            graph_of(root).circles().into_iter().map(move |edge| format!("{}: {edge}", root.display()))
        })
        .collect();
    assert!(circles.is_empty(), "modules import each other:\n{}", circles.join("\n"));
}

#[test]
fn shared_keeps_its_layers() {
    let graph = graph_of(&repository().join("shared/src"));
    let layer =
        |module: &[String]| LAYERS.iter().position(|name| module.first().is_some_and(|of| of == name));
    let outside: Vec<_> =
        graph.modules().filter(|module| !module.is_empty() && layer(module).is_none()).collect();
    assert!(outside.is_empty(), "in no layer: {outside:?}");
    let upward: Vec<_> = graph
        .edges()
        .filter(|(from, to)| layer(from) < layer(to))
        .map(|(from, to)| format!("{} → {}", from.join("::"), to.join("::")))
        .collect();
    assert!(upward.is_empty(), "layers import what stands below them:\n{}", upward.join("\n"));
}

/// Modules by path, with their text.
fn made(sources: &[(&str, &str)]) -> Graph {
    let module = |path: &str| path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
    Graph::of(sources.iter().map(|(path, text)| (module(path), source::parse(text))).collect())
}

#[test]
fn a_circle_is_found_by_imports_by_paths_and_behind_re_exports() {
    let root = ("", "mod a; mod b; pub use a::A;");
    for (a, b) in [
        ("use crate::b::B;", "use super::a::A;"),
        ("fn f() { crate::b::f(); }", "use crate::a::{self, A};\nfn f() { a::g(); }"),
        ("use crate::b::{C, d::{E, F}};", "use crate::A;"),
        ("pub use crate::b::B;\nfn f(b: B) {}", "fn f(_: super::a::A) {}"),
    ] {
        assert!(!made(&[root, ("a", a), ("b", b)]).circles().is_empty(), "{a} / {b}");
    }
}

#[test]
fn what_is_no_import_makes_no_circle() {
    let root = ("", "mod a; mod b; pub use b::B;");
    let a = "use crate::B;";
    for b in [
        "// use crate::a::A;",
        "const TEXT: &str = \"crate::a::A\"; const RAW: &str = r#\"crate::a::\"A\"#;",
        "#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}",
        "#[cfg(test)]\nuse crate::a::A;",
        "fn f<'a>(x: &'a str) -> char { ':' }",
        "use ::a::A;",
        "use std::a::A;",
    ] {
        assert_eq!(made(&[root, ("a", a), ("b", b)]).circles(), [""; 0], "{b}");
    }
}
