//! Typed access to JSON. What has another type than it must is told and then is as if it were not there,
//! which null is too.

use std::ops::RangeInclusive;

use ron_core::message::quoted;

use super::finding::{Findings, Severity};
use super::tree::Value;

/// A table, and which of its keys were asked for.
pub struct Table<'n> {
    entries: &'n [(String, Value)],
    known: Vec<&'static str>,
    field: String,
}

/// A value and where it is.
pub struct Place<'n> {
    value: &'n Value,
    /// The field, such as `route[1].method`.
    pub field: String,
}

impl<'n> Table<'n> {
    /// The value of a key, if it is there.
    pub fn get(&mut self, key: &'static str) -> Option<Place<'n>> {
        self.known.push(key);
        let (_, value) = self.entries.iter().find(|(name, _)| name == key)?;
        (!matches!(value, Value::Null)).then(|| Place {
            value,
            field: self.field_of(key),
        })
    }

    /// The value of a key that must be there; `mend` tells how to write it.
    pub fn require(
        &mut self,
        key: &'static str,
        mend: &str,
        findings: &mut Findings,
    ) -> Option<Place<'n>> {
        let place = self.get(key);
        if place.is_none() {
            self.error(key, &["is missing; write ", mend].concat(), findings);
        }
        place
    }

    /// Whether one of these keys is there.
    pub fn has_any(&self, keys: &[&str]) -> bool {
        let is_one = |name: &String| keys.contains(&name.as_str());
        self.entries.iter().any(|(name, _)| is_one(name))
    }

    /// Tells of an error in a field that is not there.
    pub fn error(&self, key: &str, message: &str, findings: &mut Findings) {
        findings.push(Severity::Error, &self.field_of(key), message);
    }

    /// Tells of a field that the node does without.
    pub fn warn(&self, key: &str, message: &str, findings: &mut Findings) {
        findings.push(Severity::Warning, &self.field_of(key), message);
    }

    /// Tells of the keys that nobody has asked for.
    pub fn end(self, findings: &mut Findings) {
        for (key, _) in self.entries {
            if !self.known.contains(&key.as_str()) {
                let message = "is not known; the node ignores it";
                let field = self.field_of(key);
                findings.push(Severity::Warning, &field, message);
            }
        }
    }

    fn field_of(&self, key: &str) -> String {
        let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let key = if !key.is_empty() && key.chars().all(is_bare) && key.len() < 80 {
            key.to_owned()
        } else {
            quoted(key)
        };
        if self.field.is_empty() {
            key
        } else {
            [&self.field, ".", &key].concat()
        }
    }
}

impl<'n> Place<'n> {
    /// The whole.
    pub fn root(value: &'n Value) -> Self {
        Self {
            value,
            field: String::new(),
        }
    }

    /// Tells of an error.
    pub fn error(&self, message: impl Into<String>, findings: &mut Findings) {
        findings.push(Severity::Error, &self.field, message);
    }

    /// Tells of what the node ignores or does otherwise.
    pub fn warn(&self, message: impl Into<String>, findings: &mut Findings) {
        findings.push(Severity::Warning, &self.field, message);
    }

    /// A text.
    pub fn text(&self, findings: &mut Findings) -> Option<&'n str> {
        match self.value {
            Value::Text(text) => Some(text),
            _ => {
                self.wrong("text in quotes", findings);
                None
            }
        }
    }

    /// A text that a rule lets pass.
    pub fn checked(
        &self,
        rule: impl FnOnce(&str) -> Result<(), String>,
        findings: &mut Findings,
    ) -> Option<String> {
        let text = self.text(findings)?;
        match rule(text) {
            Ok(()) => Some(text.to_owned()),
            Err(message) => {
                self.error(message, findings);
                None
            }
        }
    }

    /// A truth value.
    pub fn boolean(&self, findings: &mut Findings) -> Option<bool> {
        match self.value {
            Value::Boolean(boolean) => Some(*boolean),
            _ => {
                self.wrong("true or false", findings);
                None
            }
        }
    }

    /// A whole number in this range.
    pub fn integer(&self, range: RangeInclusive<i64>, findings: &mut Findings) -> Option<i64> {
        match self.value {
            Value::Integer(integer) if range.contains(integer) => Some(*integer),
            _ => {
                let (from, to) = (range.start(), range.end());
                self.wrong(&format!("a whole number from {from} to {to}"), findings);
                None
            }
        }
    }

    /// One of a few names; in any case if the node reads it so.
    pub fn one_of<T: Copy>(
        &self,
        all: &[T],
        name: fn(T) -> &'static str,
        any_case: bool,
        findings: &mut Findings,
    ) -> Option<T> {
        let text = self.text(findings)?;
        let alike = all
            .iter()
            .find(|one| name(**one).eq_ignore_ascii_case(text));
        match alike {
            Some(one) if any_case || name(*one) == text => Some(*one),
            Some(one) => {
                let message = format!("is {}; write {}", quoted(text), quoted(name(*one)));
                self.error(message, findings);
                None
            }
            None => {
                let names: Vec<_> = all.iter().map(|one| quoted(name(*one))).collect();
                let message = format!("is {}, which is none of {}", quoted(text), names.join(", "));
                self.error(message, findings);
                None
            }
        }
    }

    /// A table.
    pub fn table(&self, findings: &mut Findings) -> Option<Table<'n>> {
        match self.value {
            Value::Table(entries) => Some(Table {
                entries,
                known: Vec::new(),
                field: self.field.clone(),
            }),
            _ => {
                self.wrong("a table", findings);
                None
            }
        }
    }

    /// The items of a list.
    pub fn list(&self, findings: &mut Findings) -> Option<Vec<Place<'n>>> {
        let Value::List(items) = self.value else {
            self.wrong("a list of tables", findings);
            return None;
        };
        let place = |(index, value): (usize, _)| Place {
            value,
            field: [&self.field, "[", &index.to_string(), "]"].concat(),
        };
        Some(items.iter().enumerate().map(place).collect())
    }

    fn wrong(&self, wanted: &str, findings: &mut Findings) {
        let found = match self.value {
            Value::Null => "nothing",
            Value::Boolean(_) => "true or false",
            Value::Integer(_) | Value::OtherNumber => "this number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        };
        self.error(format!("must be {wanted}, not {found}"), findings);
    }
}
