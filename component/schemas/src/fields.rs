//! The fields of `docs/abi.md`, and how messages are put together of them.
//!
//! The keyword `x-field` says what a member is on the wire, `x-fields` in which order the members of
//! an object come.

use std::borrow::Cow;

use ron_abi::LARGEST_NUMBER;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

/// A type of field: its name and its schema.
macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident => $schema:tt)*) => {$(
        $(#[$doc])*
        pub struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

fields! {
    /// A number that the component reads.
    Number => {
        "type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER, "x-field": "number"
    }
    /// A number that the component writes: times that are beyond all are the last one.
    Written => {
        "type": "integer", "minimum": 0, "maximum": u64::MAX, "x-field": "number"
    }
    /// A number that takes 32 bits.
    Small => {
        "type": "integer", "minimum": 0, "maximum": u32::MAX, "x-field": "number"
    }
    /// A session, call or exchange.
    Id => {
        "type": "integer", "minimum": 1, "maximum": LARGEST_NUMBER, "x-field": "number"
    }
    /// A session, call or exchange that may be none.
    IdOrNone => {
        "type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER, "x-field": "number"
    }
    /// A status code.
    Status => {
        "type": "integer", "minimum": 100, "maximum": 999, "x-field": "number"
    }
    /// Text without NUL, CR and LF.
    Text => {
        "type": "string", "pattern": r"^[^\x00\n\r]*$", "x-field": "text"
    }
    /// The same, not empty.
    Name => {
        "type": "string", "pattern": r"^[^\x00\n\r]+$", "x-field": "text"
    }
    /// Text of which each code point is a byte.
    Latin1 => {
        "type": "string", "pattern": r"^[\x01-\x09\x0B\x0C\x0E-\xFF]*$", "x-field": "text"
    }
    /// Hexadecimal digits of 32 bytes.
    Entropy => {
        "type": "string", "pattern": "^[0-9A-Fa-f]{64}$", "x-field": "text"
    }
    /// Any Unicode text.
    Escaped => {"type": "string", "x-field": "escaped"}
    /// `true` or `false`.
    Flag => {"type": "boolean", "x-field": "text"}
    /// Everything up to the end of the message.
    Bytes => {
        "type": "string", "pattern": r"^[\x00-\xFF]*$", "x-field": "bytes"
    }
}

/// The members of an object in the order of their fields: those that are declared, but that `call`
/// stands in front of the tag that tells the kind.
pub fn ordered(schema: &mut Schema) {
    let names = |schema: &Schema| -> Vec<String> {
        let properties = schema.get("properties").and_then(Value::as_object);
        properties
            .into_iter()
            .flat_map(|p| p.keys().cloned())
            .collect()
    };
    let mut order = names(schema);
    if let Some(at) = order
        .iter()
        .position(|name| name == "kind" || name == "event")
    {
        let tag = order.remove(at);
        let behind = order
            .iter()
            .position(|name| name == "call")
            .map_or(0, |at| at + 1);
        order.insert(behind, tag);
    }
    order.retain(|name| name != "export");
    schema.insert("x-fields".to_owned(), order.into());
}

/// Every member may be absent.
pub fn optional(schema: &mut Schema) {
    schema.remove("required");
}
