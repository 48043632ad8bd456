//! A text as a tree of values, each with its line: what TOML and JSON have in common.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use toml::de::{DeTable, DeValue};

use super::finding::Finding;

/// A value and where it stands.
pub struct Node {
    /// The value.
    pub value: Value,
    /// The line of the TOML text, from 1.
    pub line: Option<u32>,
}

/// A value.
pub enum Value {
    /// A string.
    Text(String),
    /// An integer of 64 bits.
    Integer(i64),
    /// A truth value.
    Boolean(bool),
    /// An array.
    List(Vec<Node>),
    /// A table or an object.
    Table(Vec<(String, Node)>),
    /// What no manifest holds, by its name.
    Other(&'static str),
    /// JSON's null: as if it were not there.
    Absent,
}

impl Value {
    /// What it is, for a message.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) => "a number",
            Self::Boolean(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
            Self::Absent => "nothing",
        }
    }
}

/// Reads TOML 1.0.
pub fn of_toml(text: &str) -> Result<Node, Finding> {
    let lines = Lines::of(text);
    match DeTable::parse(text) {
        Ok(root) => {
            let value = table(root.into_inner(), &lines);
            Ok(Node { value, line: None })
        }
        Err(error) => {
            let reason = error.message().replace('\n', ", ");
            let mut finding = Finding::error(format!("this is not TOML 1.0: {reason}"));
            finding.line = error.span().map(|span| lines.line(span.start));
            Err(finding)
        }
    }
}

fn table(table: DeTable<'_>, lines: &Lines) -> Value {
    let entries = table.into_iter().map(|(key, value)| {
        let line = Some(lines.line(key.span().start));
        let value = value_of(value.into_inner(), line, lines);
        (key.into_inner().into_owned(), Node { value, line })
    });
    Value::Table(entries.collect())
}

fn value_of(value: DeValue<'_>, line: Option<u32>, lines: &Lines) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or(Value::Other("a number that is too large"), Value::Integer),
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Boolean(boolean) => Value::Boolean(boolean),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(array) => {
            let nodes = array.into_iter().map(|item| {
                // Of a table that ends a header, the span is that of the header.
                let line = Some(lines.line(item.span().start)).or(line);
                let value = value_of(item.into_inner(), line, lines);
                Node { value, line }
            });
            Value::List(nodes.collect())
        }
        DeValue::Table(entries) => table(entries, lines),
    }
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at + 1).collect())
    }

    /// The number of the line that holds this byte.
    fn line(&self, at: usize) -> u32 {
        let before = self.0.partition_point(|start| *start <= at);
        u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
    }
}

/// Reads JSON.
pub fn of_json(text: &str) -> Result<Node, Finding> {
    serde_json::from_str(text)
        .map_err(|error| Finding::error(format!("this is not the JSON of a manifest: {error}")))
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = deserializer.deserialize_any(ValueVisitor)?;
        Ok(Self { value, line: None })
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, boolean: bool) -> Result<Value, E> {
        Ok(Value::Boolean(boolean))
    }

    fn visit_i64<E>(self, integer: i64) -> Result<Value, E> {
        Ok(Value::Integer(integer))
    }

    fn visit_u64<E>(self, integer: u64) -> Result<Value, E> {
        let small = i64::try_from(integer);
        Ok(small.map_or(Value::Other("a number that is too large"), Value::Integer))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Other("a number with a fraction or too large"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = sequence.next_element()? {
            nodes.push(node);
        }
        Ok(Value::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Table(entries))
    }
}
