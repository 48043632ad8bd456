//! Header sections: `fields` of `wasi:http/types`.

use std::cell::RefCell;

use crate::wit::exports::wasi::http::types::HeaderError;

/// A name and a value.
pub type Field = (String, Vec<u8>);

/// What a field counts beside its name and its value: RFC 9113, section 6.5.2.
pub const FIELD_OVERHEAD: usize = 32;

/// Names that a component may not set, and that it is not shown: they belong to a connection, which
/// is the transport's. Hosts neither send nor report trailers, so those are announced to nobody.
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

/// A header section. Names are compared without regard to case and kept as they were given, in the
/// order in which they were given.
#[derive(Debug, Default)]
pub struct Fields {
    entries: RefCell<Vec<Field>>,
    immutable: bool,
    /// Whether values may be malformed, because they came in an answer.
    received: bool,
}

impl Fields {
    /// A section of these entries.
    ///
    /// # Errors
    ///
    /// An entry is malformed, or its name is forbidden.
    pub fn from_list(entries: Vec<Field>) -> Result<Self, HeaderError> {
        for (name, value) in &entries {
            check_settable(name)?;
            check_value(value)?;
        }
        Ok(Self {
            entries: RefCell::new(entries),
            ..Self::default()
        })
    }

    /// The section of a request, which can't be changed any more.
    pub fn sent(entries: Vec<Field>) -> Self {
        Self {
            entries: RefCell::new(entries),
            immutable: true,
            received: false,
        }
    }

    /// The section of an answer, which can't be changed. Values stay as they came, malformed ones
    /// too; fields that a component couldn't set are left out.
    pub fn received(mut entries: Vec<Field>) -> Self {
        entries.retain(|(name, _)| check_settable(name).is_ok());
        Self {
            received: true,
            ..Self::sent(entries)
        }
    }

    /// The entries.
    pub fn into_entries(self) -> Vec<Field> {
        self.entries.into_inner()
    }

    /// Whether all values may be sent.
    pub fn is_well_formed(&self) -> bool {
        let entries = self.entries.borrow();
        !self.received || entries.iter().all(|(_, value)| check_value(value).is_ok())
    }

    /// A copy of the entries.
    pub fn entries(&self) -> Vec<Field> {
        self.entries.borrow().clone()
    }

    /// A copy that can be changed.
    pub fn copy(&self) -> Self {
        Self {
            entries: RefCell::new(self.entries()),
            immutable: false,
            received: self.received,
        }
    }

    /// All values of a name.
    pub fn get(&self, name: &str) -> Vec<Vec<u8>> {
        let entries = self.entries.borrow();
        let named = entries.iter().filter(|(given, _)| is_same(given, name));
        named.map(|(_, value)| value.clone()).collect()
    }

    /// Whether there is a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.entries
            .borrow()
            .iter()
            .any(|(given, _)| is_same(given, name))
    }

    /// Puts these values in the place of all that the name has.
    ///
    /// # Errors
    ///
    /// See `header-error`; nothing has changed.
    pub fn set(&self, name: &str, values: Vec<Vec<u8>>) -> Result<(), HeaderError> {
        self.check_mutable()?;
        check_settable(name)?;
        values.iter().try_for_each(|value| check_value(value))?;
        self.remove(name);
        let values = values.into_iter().map(|value| (name.to_owned(), value));
        self.entries.borrow_mut().extend(values);
        Ok(())
    }

    /// Removes all values of a name. A forbidden name has none, so that is no error.
    ///
    /// # Errors
    ///
    /// The section is immutable or the name malformed.
    pub fn delete(&self, name: &str) -> Result<(), HeaderError> {
        self.check_mutable()?;
        check_name(name)?;
        self.remove(name);
        Ok(())
    }

    /// Adds a value to those that a name has.
    ///
    /// # Errors
    ///
    /// See `header-error`; nothing has changed.
    pub fn append(&self, name: String, value: Vec<u8>) -> Result<(), HeaderError> {
        self.check_mutable()?;
        check_settable(&name)?;
        check_value(&value)?;
        self.entries.borrow_mut().push((name, value));
        Ok(())
    }

    fn check_mutable(&self) -> Result<(), HeaderError> {
        if self.immutable {
            return Err(HeaderError::Immutable);
        }
        Ok(())
    }

    fn remove(&self, name: &str) {
        self.entries
            .borrow_mut()
            .retain(|(given, _)| !is_same(given, name));
    }
}

/// The size of a section in bytes: RFC 9113, section 6.5.2.
pub fn size(entries: &[Field]) -> usize {
    entries
        .iter()
        .map(|(name, value)| name.len() + value.len() + FIELD_OVERHEAD)
        .sum()
}

/// Whether `text` is a token: RFC 9110, section 5.6.2.
pub fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || is_token_mark(b))
}

fn is_token_mark(b: u8) -> bool {
    matches!(
        b,
        b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~'
    )
}

/// Checks that `value` holds no control character but tab: RFC 9110, section 5.5.
fn check_value(value: &[u8]) -> Result<(), HeaderError> {
    if value.iter().any(|b| matches!(b, 0..=8 | 10..=31 | 127)) {
        return Err(HeaderError::InvalidSyntax);
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), HeaderError> {
    if is_token(name) {
        Ok(())
    } else {
        Err(HeaderError::InvalidSyntax)
    }
}

fn check_settable(name: &str) -> Result<(), HeaderError> {
    check_name(name)?;
    if FORBIDDEN.iter().any(|forbidden| is_same(name, forbidden)) {
        return Err(HeaderError::Forbidden);
    }
    Ok(())
}

fn is_same(one: &str, other: &str) -> bool {
    /// Not inlined, since eleven copies of it for the forbidden names are 4 kB.
    #[inline(never)]
    fn has_same_letters(one: &str, other: &str) -> bool {
        one.eq_ignore_ascii_case(other)
    }
    one.len() == other.len() && has_same_letters(one, other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> Field {
        (name.to_owned(), value.as_bytes().to_vec())
    }

    #[test]
    fn the_fields_of_an_answer_are_shown_but_for_those_of_its_connection() {
        let fields = Fields::received(vec![
            field("Transfer-Encoding", "chunked"),
            field("X-Odd", "\u{1}"),
            field("a b", "c"),
            field("x-odd", ""),
        ]);
        assert_eq!(
            fields.entries(),
            [field("X-Odd", "\u{1}"), field("x-odd", "")]
        );
        assert_eq!(fields.get("X-ODD"), [vec![1], vec![]]);
        assert!(fields.get("a b").is_empty());
    }

    #[test]
    fn each_forbidden_name_is_refused_in_any_case_and_deleting_it_does_nothing() {
        let fields = Fields::default();
        for name in FORBIDDEN {
            let shouted = name.to_uppercase();
            let refused = fields.append(shouted.clone(), Vec::new());
            assert_eq!(refused, Err(HeaderError::Forbidden), "{name}");
            assert_eq!(fields.set(name, Vec::new()), Err(HeaderError::Forbidden));
            assert_eq!(fields.delete(&shouted), Ok(()));
            let list = Fields::from_list(vec![(shouted, Vec::new())]);
            assert_eq!(list.err(), Some(HeaderError::Forbidden));
        }
        assert!(fields.entries().is_empty());
    }

    #[test]
    fn tokens_are_made_of_the_characters_of_rfc_9110() {
        for b in 0..=127u8 {
            let expected = b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
            assert_eq!(is_token(&char::from(b).to_string()), expected, "{b}");
        }
        assert!(!is_token("") && !is_token("\u{e9}"));
    }

    #[test]
    fn a_section_is_counted_with_32_bytes_for_each_field() {
        assert_eq!(size(&[field("a", "bc"), field("d", "")]), 3 + 32 + 1 + 32);
    }
}
