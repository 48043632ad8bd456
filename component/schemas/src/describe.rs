//! What readers of a schema see first.

use schemars::Schema;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::{Map, Value};

/// What tells of the whole, in this order.
const FIRST: [&str; 4] = ["$schema", "$id", "title", "description"];

/// Puts identity and description in front of each schema, and joins the lines of descriptions: they are
/// doc comments, as long as the source is wide.
pub fn arrange(schema: &mut Schema) {
    Arrange.transform(schema);
}

struct Arrange;

impl Transform for Arrange {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(members) = schema.as_object_mut().map(std::mem::take) else {
            return;
        };
        let (first, rest): (Map<_, _>, Map<_, _>) = members
            .into_iter()
            .partition(|(name, _)| FIRST.contains(&name.as_str()));
        for name in FIRST {
            match first.get(name) {
                Some(Value::String(text)) => schema.insert(name.to_owned(), joined(text).into()),
                _ => None,
            };
        }
        schema.ensure_object().extend(rest);
    }
}

fn joined(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|lines| lines.replace('\n', " "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}
