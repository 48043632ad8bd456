//! Header sections of answers, unread.

use ron_abi::{Malformed, Reader, from_latin1};

use crate::fields::FIELD_OVERHEAD;

/// A header section as the host framed it. Most answers are never asked for theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderBlock {
    fields: String,
    pairs: usize,
}

impl HeaderBlock {
    /// Takes a whole header block.
    ///
    /// # Errors
    ///
    /// It does not have as many fields as it says.
    pub fn new(block: &str) -> Result<Self, Malformed> {
        let mut reader = Reader::new(block);
        let pairs = reader.number("headers")?;
        let fields = reader.take_rest();
        let ends = fields.bytes().filter(|b| *b == 0).count() as u64;
        let complete = fields.is_empty() || fields.ends_with('\0');
        if !complete || pairs.checked_mul(2) != Some(ends) {
            return Err(Malformed::new(
                "the field headers is not as long as it says",
            ));
        }
        Ok(Self {
            fields: fields.to_owned(),
            pairs: pairs as usize,
        })
    }

    /// Its size in bytes, counted as in RFC 9113, section 6.5.2, but that a byte beyond ASCII
    /// counts twice.
    pub fn size(&self) -> usize {
        self.fields.len() - 2 * self.pairs + FIELD_OVERHEAD * self.pairs
    }

    /// Names and values.
    pub fn entries(&self) -> Vec<(String, Vec<u8>)> {
        let mut fields = self.fields.split_terminator('\0');
        let mut entries = Vec::with_capacity(self.pairs);
        while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
            // Beyond latin-1 there is nothing that a host could mean.
            let bytes = from_latin1("value", value).unwrap_or_else(|_| value.into());
            entries.push((name.to_owned(), bytes));
        }
        entries
    }
}
