//! Other paths of the same routes: the platform and its clients write links to jobs in three ways.

use utoipa::Modify;
use utoipa::openapi::{Deprecated, OpenApi, PathItem};

/// Paths with this prefix are described once, and served under the others too.
const JOBS: &str = "/Jobs/";
const ALIASES: [(&str, &str); 2] = [("/jobs/", "LowerCase"), ("/api/jobs/", "UnderApi")];

/// Adds the aliases.
pub(super) struct Aliases;

impl Modify for Aliases {
    fn modify(&self, document: &mut OpenApi) {
        let described: Vec<(String, PathItem)> = document
            .paths
            .paths
            .iter()
            .filter_map(|(path, item)| Some((path.strip_prefix(JOBS)?.to_owned(), item.clone())))
            .collect();
        for (rest, item) in described {
            for (start, name) in ALIASES {
                document.paths.paths.insert(format!("{start}{rest}"), renamed(item.clone(), name));
            }
        }
    }
}

/// The same operation under another name, marked deprecated: new clients use the first path.
fn renamed(mut item: PathItem, name: &str) -> PathItem {
    if let Some(operation) = &mut item.get {
        operation.deprecated = Some(Deprecated::True);
        operation.operation_id = operation.operation_id.take().map(|id| format!("{id}{name}"));
    }
    item
}
