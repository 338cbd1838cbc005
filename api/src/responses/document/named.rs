//! What an answer holds is called by its name, rather than written out in each: a generated client then has one type for
//! it, which it can take by its status.

use utoipa::Modify;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{OpenApi, Ref, RefOr};

/// Answers are called so, and after what they hold.
const ANSWER: &str = "Success_";

/// Puts the names in.
pub(super) struct Named;

impl Modify for Named {
    fn modify(&self, document: &mut OpenApi) {
        let Some(components) = &mut document.components else { return };
        for (name, schema) in &mut components.schemas {
            if let (Some(held), RefOr::T(Schema::Object(answer))) = (name.strip_prefix(ANSWER), schema) {
                answer.properties.insert("data".to_owned(), Ref::from_schema_name(held).into());
            }
        }
    }
}
