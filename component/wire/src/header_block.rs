//! Header sections of answers, unread.

use ron_abi::{Malformed, Reader, from_latin1};

/// A header section as the host framed it. Most answers are never asked for theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderBlock(String);

impl HeaderBlock {
    /// Takes a whole header block; checks that it has as many fields as it says.
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
        Ok(Self(fields.to_owned()))
    }

    /// Names and values.
    pub fn entries(&self) -> Vec<(String, Vec<u8>)> {
        let mut fields = self.0.split_terminator('\0');
        let mut entries = Vec::new();
        while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
            // Beyond latin-1 there is nothing that a host could mean.
            let bytes = from_latin1("value", value).unwrap_or_else(|_| value.into());
            entries.push((name.to_owned(), bytes));
        }
        entries
    }
}
