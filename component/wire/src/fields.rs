//! `wasi:http/types.fields`.

use std::cell::{Cell, RefCell};

use crate::wit::exports::wasi::http::types::{self, GuestFields, HeaderError};

/// Names that a component may not set: the transport does.
const FORBIDDEN: &[&str] = &[
    "connection",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A header section.
#[derive(Default)]
pub struct Fields {
    entries: RefCell<Vec<(String, Vec<u8>)>>,
    immutable: Cell<bool>,
}

impl Fields {
    /// A section that can't be changed any more.
    pub fn immutable(entries: Vec<(String, Vec<u8>)>) -> Self {
        Self {
            entries: RefCell::new(entries),
            immutable: Cell::new(true),
        }
    }

    /// The entries.
    pub fn into_vec(self) -> Vec<(String, Vec<u8>)> {
        self.entries.into_inner()
    }

    /// A copy of the entries.
    pub fn to_vec(&self) -> Vec<(String, Vec<u8>)> {
        self.entries.borrow().clone()
    }

    fn change(&self, name: &str) -> Result<(), HeaderError> {
        if self.immutable.get() {
            return Err(HeaderError::Immutable);
        }
        check_name(name)
    }

    fn has_name(&self, name: &str) -> bool {
        self.entries
            .borrow()
            .iter()
            .any(|(given, _)| given.eq_ignore_ascii_case(name))
    }

    fn remove(&self, name: &str) {
        self.entries
            .borrow_mut()
            .retain(|(given, _)| !given.eq_ignore_ascii_case(name));
    }
}

fn check_name(name: &str) -> Result<(), HeaderError> {
    let token = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    if !token {
        return Err(HeaderError::InvalidSyntax);
    }
    if FORBIDDEN
        .iter()
        .any(|forbidden| name.eq_ignore_ascii_case(forbidden))
    {
        return Err(HeaderError::Forbidden);
    }
    Ok(())
}

fn check_value(value: &[u8]) -> Result<(), HeaderError> {
    if value.iter().any(|b| matches!(b, 0..=8 | 10..=31 | 127)) {
        return Err(HeaderError::InvalidSyntax);
    }
    Ok(())
}

impl GuestFields for Fields {
    fn new() -> Self {
        Self::default()
    }

    fn from_list(entries: Vec<(String, Vec<u8>)>) -> Result<types::Fields, HeaderError> {
        for (name, value) in &entries {
            check_name(name)?;
            check_value(value)?;
        }
        Ok(types::Fields::new(Self {
            entries: RefCell::new(entries),
            immutable: Cell::new(false),
        }))
    }

    fn get(&self, name: String) -> Vec<Vec<u8>> {
        self.entries
            .borrow()
            .iter()
            .filter(|(given, _)| given.eq_ignore_ascii_case(&name))
            .map(|(_, value)| value.clone())
            .collect()
    }

    fn has(&self, name: String) -> bool {
        self.has_name(&name)
    }

    fn set(&self, name: String, values: Vec<Vec<u8>>) -> Result<(), HeaderError> {
        self.change(&name)?;
        values.iter().try_for_each(|value| check_value(value))?;
        self.remove(&name);
        self.entries
            .borrow_mut()
            .extend(values.into_iter().map(|value| (name.clone(), value)));
        Ok(())
    }

    fn delete(&self, name: String) -> Result<(), HeaderError> {
        self.change(&name)?;
        self.remove(&name);
        Ok(())
    }

    fn append(&self, name: String, value: Vec<u8>) -> Result<(), HeaderError> {
        self.change(&name)?;
        check_value(&value)?;
        self.entries.borrow_mut().push((name, value));
        Ok(())
    }

    fn entries(&self) -> Vec<(String, Vec<u8>)> {
        self.to_vec()
    }

    fn clone(&self) -> types::Fields {
        types::Fields::new(Self {
            entries: RefCell::new(self.to_vec()),
            immutable: Cell::new(false),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_and_forbidden_fields_are_refused_and_others_kept_in_order() {
        let fields = Fields::default();
        for name in ["", "a b", "é", "a:"] {
            let refused = fields.append(name.to_owned(), Vec::new());
            assert!(matches!(refused, Err(HeaderError::InvalidSyntax)), "{name}");
        }
        assert!(matches!(
            fields.append("Host".to_owned(), b"x".to_vec()),
            Err(HeaderError::Forbidden)
        ));
        for value in [&b"\r"[..], b"\n", b"\0", b"\x7f"] {
            assert!(fields.append("a".to_owned(), value.to_vec()).is_err());
        }
        fields.append("A".to_owned(), vec![0xe9]).unwrap();
        fields.append("b".to_owned(), b"\t".to_vec()).unwrap();
        fields.append("a".to_owned(), b"2".to_vec()).unwrap();
        assert_eq!(fields.get("a".to_owned()), [vec![0xe9], b"2".to_vec()]);
        fields.set("a".to_owned(), vec![b"3".to_vec()]).unwrap();
        fields.delete("B".to_owned()).unwrap();
        assert_eq!(fields.to_vec(), [("a".to_owned(), b"3".to_vec())]);
    }

    #[test]
    fn immutable_fields_cannot_be_changed() {
        let fields = Fields::immutable(vec![("a".to_owned(), b"1".to_vec())]);
        assert!(matches!(
            fields.set("a".to_owned(), Vec::new()),
            Err(HeaderError::Immutable)
        ));
        assert!(matches!(
            fields.delete("a".to_owned()),
            Err(HeaderError::Immutable)
        ));
        assert!(fields.append("b".to_owned(), Vec::new()).is_err());
        assert!(fields.has("A".to_owned()));
    }
}
