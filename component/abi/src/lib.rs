//! Framing of the bridge ABI: fields ended by NUL, as `docs/abi.md` lays down. The bridge and the
//! wire component share it; `engine/messages.py` is its twin.

use std::fmt;

/// The version that `abi-version` answers.
pub const VERSION: &str = "1";

/// The call id that means "no call".
pub const NO_CALL: u64 = 0;

/// The largest number that is read: no digit more fits into 64 bits behind the others.
pub const LARGEST_NUMBER: u64 = (u64::MAX / 10 - 1) * 10 + 9;

/// A message that does not have the fields that it must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    what: String,
}

impl Malformed {
    /// `what` names the fault.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into() }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// Takes a message apart, field by field.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// A reader of `message`.
    pub fn new(message: &'a str) -> Self {
        Self { rest: message }
    }

    /// The next field, which may be empty. `name` names it in the error.
    pub fn text(&mut self, name: &str) -> Result<&'a str, Malformed> {
        let (field, rest) = self
            .rest
            .split_once('\0')
            .ok_or_else(|| Malformed::new(["the field ", name, " is missing"].concat()))?;
        self.rest = rest;
        Ok(field)
    }

    /// The next field as a number.
    pub fn number(&mut self, name: &str) -> Result<u64, Malformed> {
        let field = self.text(name)?;
        number(name, field)
    }

    /// The next field as a number, or none if it is empty.
    pub fn optional_number(&mut self, name: &str) -> Result<Option<u64>, Malformed> {
        match self.text(name)? {
            "" => Ok(None),
            field => number(name, field).map(Some),
        }
    }

    /// The next fields as a block of pairs.
    pub fn block(&mut self, name: &str) -> Result<Vec<(&'a str, &'a str)>, Malformed> {
        let count = self.number(name)?;
        // A false count must not reserve memory: each pair takes two bytes at the least.
        let mut pairs = Vec::with_capacity((self.rest.len() / 2).min(count as usize));
        for _ in 0..count {
            pairs.push((self.text(name)?, self.text(name)?));
        }
        Ok(pairs)
    }

    /// All that is left, unframed.
    pub fn take_rest(&mut self) -> &'a str {
        std::mem::take(&mut self.rest)
    }

    /// Checks that nothing is left.
    pub fn end(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Malformed::new("there are more fields than expected"))
        }
    }
}

/// Reads a number field.
pub fn number(name: &str, field: &str) -> Result<u64, Malformed> {
    let mut number = Some(0u64).filter(|_| !field.is_empty());
    for byte in field.bytes() {
        let digit = byte.wrapping_sub(b'0');
        number = number
            .filter(|number| digit < 10 && *number < u64::MAX / 10)
            .map(|number| number * 10 + u64::from(digit));
    }
    number.ok_or_else(|| Malformed::new(["the field ", name, " is no number"].concat()))
}

/// Bytes from latin-1 text, without a copy if it is ASCII.
pub fn into_latin1(name: &str, text: String) -> Result<Vec<u8>, Malformed> {
    match is_ascii(&text) {
        true => Ok(text.into_bytes()),
        false => from_latin1(name, &text),
    }
}

/// Bytes from latin-1 text.
pub fn from_latin1(name: &str, text: &str) -> Result<Vec<u8>, Malformed> {
    if is_ascii(text) {
        return Ok(text.as_bytes().to_vec());
    }
    text.chars()
        .map(|c| {
            u8::try_from(u32::from(c))
                .map_err(|_| Malformed::new(format!("the field {name} is not latin-1")))
        })
        .collect()
}

/// How many bytes latin-1 text stands for.
pub fn latin1_length(text: &str) -> u64 {
    let length = match is_ascii(text) {
        true => text.len(),
        false => text.chars().count(),
    };
    length as u64
}

/// As std's, which a build for size makes a loop over bytes.
fn is_ascii(text: &str) -> bool {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let mut words = words.iter().map(|word| u64::from_le_bytes(*word));
    words.all(|word| word & HIGH_BITS == 0) && rest.is_ascii()
}

/// Latin-1 text of bytes.
pub fn to_latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// How many bytes of a text stand before its first control character of ASCII below the space. It is
/// asked of every byte that goes out, so it looks at eight at a time.
fn plain_bytes(text: &str) -> usize {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let found = controls(*word);
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let in_rest = rest.iter().position(|byte| *byte < b' ');
    text.len() - rest.len() + in_rest.unwrap_or(rest.len())
}

/// The high bit of each byte below the space; perhaps also of others behind the first of them.
fn controls(word: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(word);
    word.wrapping_sub(SPACES) & !word & HIGH_BITS
}

const SPACES: u64 = u64::from_le_bytes([b' '; 8]);
const HIGH_BITS: u64 = u64::from_le_bytes([0x80; 8]);

/// How many bytes an escaped field takes without its end, at the most.
pub fn escaped_bytes(text: &str) -> usize {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let found = words
        .iter()
        .map(|word| controls(*word).count_ones() as usize);
    text.len() + rest.len() + found.sum::<usize>()
}

/// Puts a message together.
#[derive(Debug, Default)]
pub struct Writer {
    message: String,
}

impl Writer {
    /// A writer with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            message: String::with_capacity(bytes),
        }
    }

    /// Adds a text field. NUL, CR and LF must have been refused long before; here they become
    /// U+FFFD, so that no text can ever forge a field.
    pub fn text(&mut self, field: &str) {
        if plain_bytes(field) < field.len() {
            self.push_replaced(field);
        } else {
            self.message.push_str(field);
        }
        self.message.push('\0');
    }

    /// Adds an escaped field, which may stand for any text: U+001A stands before `0` for NUL, `n` for
    /// LF, `r` for CR and `s` for itself.
    pub fn escaped(&mut self, field: &str) {
        let mut rest = field;
        while let Some(first) = rest.as_bytes().first() {
            let stand_in = match first {
                b'\0' => "\x1a0",
                b'\n' => "\x1an",
                b'\r' => "\x1ar",
                b'\x1a' => "\x1as",
                _ => {
                    // Any other control character is one byte.
                    let (plain, after) = rest.split_at(plain_bytes(rest).max(1));
                    self.message.push_str(plain);
                    rest = after;
                    continue;
                }
            };
            self.message.push_str(stand_in);
            rest = &rest[1..];
        }
        self.message.push('\0');
    }

    /// Adds an escaped field that stands for what the same field was last time: U+001A before `=`.
    pub fn repeated(&mut self) {
        self.message.push_str("\x1a=\0");
    }

    #[cold]
    #[inline(never)]
    fn push_replaced(&mut self, field: &str) {
        for c in field.chars() {
            self.message.push(match c {
                '\0' | '\r' | '\n' => '\u{fffd}',
                c => c,
            });
        }
    }

    /// Adds a number field.
    pub fn number(&mut self, number: u64) {
        self.message.push_str(itoa::Buffer::new().format(number));
        self.message.push('\0');
    }

    /// Adds a number field, empty for none.
    pub fn optional_number(&mut self, number: Option<u64>) {
        match number {
            Some(number) => self.number(number),
            None => self.message.push('\0'),
        }
    }

    /// Makes room for so many bytes.
    pub fn reserve(&mut self, bytes: usize) {
        self.message.reserve(bytes);
    }

    /// Adds items that are framed already.
    pub fn items(&mut self, items: &str) {
        self.message.push_str(items);
    }

    /// The message so far; the writer is empty afterwards.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.message)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let mut writer = Writer::default();
        writer.number(7);
        writer.optional_number(None);
        writer.text("é😀");
        writer.number(1);
        writer.text("name");
        writer.text("");
        let message = writer.take();
        let mut reader = Reader::new(&message);
        assert_eq!(reader.number("n"), Ok(7));
        assert_eq!(reader.optional_number("o"), Ok(None));
        assert_eq!(reader.text("t"), Ok("é😀"));
        assert_eq!(reader.block("b"), Ok(vec![("name", "")]));
        assert_eq!(reader.end(), Ok(()));
    }

    #[test]
    fn missing_superfluous_and_wrong_fields_are_named() {
        let error = Reader::new("1\0").block("headers").unwrap_err();
        assert!(error.to_string().contains("headers"));
        for bad in ["", "-1", "+1", "1e3", " 1", "１", "99999999999999999999"] {
            assert!(
                Reader::new(&format!("{bad}\0")).number("n").is_err(),
                "{bad}"
            );
        }
        assert!(Reader::new("x\0").end().is_err());
        assert!(Reader::new("99999999999999\0").block("b").is_err());
    }

    #[test]
    fn the_largest_number_is_read_and_no_larger_one() {
        for (number, is_read) in [(LARGEST_NUMBER, true), (LARGEST_NUMBER + 1, false)] {
            let message = format!("{number}\0");
            assert_eq!(
                Reader::new(&message).number("n").is_ok(),
                is_read,
                "{number}"
            );
        }
    }

    #[test]
    fn latin_1_is_one_byte_for_each_code_point() {
        assert_eq!(from_latin1("v", "\u{e9}A"), Ok(vec![0xe9, b'A']));
        assert!(from_latin1("v", "€").is_err());
        assert_eq!(to_latin1(&[0xe9, 0]), "\u{e9}\0");
    }

    proptest! {
        #[test]
        fn no_text_can_forge_a_field(texts in prop::collection::vec(".*", 0..5)) {
            let mut writer = Writer::default();
            for text in &texts {
                writer.text(text);
            }
            let message = writer.take();
            let mut reader = Reader::new(&message);
            for text in &texts {
                let read = reader.text("t").unwrap();
                prop_assert_eq!(read.chars().count(), text.chars().count());
            }
            prop_assert_eq!(reader.end(), Ok(()));
        }

        #[test]
        fn controls_are_found_wherever_they_stand(text in "[ -~é€\\x00-\\x1f]{0,30}") {
            let first = text.bytes().position(|b| b < b' ');
            prop_assert_eq!(plain_bytes(&text), first.unwrap_or(text.len()));
            prop_assert_eq!(is_ascii(&text), text.is_ascii());
        }

        #[test]
        fn an_escaped_field_holds_none_and_is_read_back(text in "(\\PC|[\\x00\\r\\n\\x1a0nrs\t])*") {
            let mut writer = Writer::default();
            writer.escaped(&text);
            let message = writer.take();
            let field = message.strip_suffix('\0').unwrap();
            prop_assert!(!field.contains(['\0', '\r', '\n']));
            prop_assert!((field.len()..=2 * text.len()).contains(&escaped_bytes(&text)));
            let mut read = String::new();
            let mut characters = field.chars();
            while let Some(c) = characters.next() {
                read.push(match c {
                    '\x1a' => match characters.next().unwrap() {
                        '0' => '\0',
                        'n' => '\n',
                        'r' => '\r',
                        other => {
                            prop_assert_eq!(other, 's');
                            '\x1a'
                        }
                    },
                    c => c,
                });
            }
            prop_assert_eq!(read, text);
        }

        #[test]
        fn any_bytes_survive_as_latin_1(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(from_latin1("b", &to_latin1(&bytes)), Ok(bytes));
        }

        #[test]
        fn reading_never_panics(message in "(\\PC|\0|[0-9]){0,40}") {
            let mut reader = Reader::new(&message);
            let _ = reader.number("n");
            let _ = reader.block("b");
            let _ = reader.optional_number("o");
            let _ = reader.end();
        }
    }
}
