//! Keeping secrets out of texts.
//!
//! Who repeats a credential may write it otherwise: with the escapes of URLs or JSON, once or again
//! and again, or in base64, as `Basic` does.

use std::rc::Rc;

use crate::defaults::{MAX_NESTED_ESCAPES, MIN_SCRUBBED_SECRET_BYTES};

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// RFC 4648, section 4. For URLs, the last two are `-` and `_`.
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Replaces known secrets in texts that may reach a log.
#[derive(Clone, Default)]
pub struct Redactor {
    forms: Rc<[Form]>,
    /// The bytes that one may begin with, or an escape, modulo 64: few places need a closer look.
    starts: u64,
    /// The length of the shortest form.
    shortest: usize,
}

impl Redactor {
    /// A redactor of these secrets. Those shorter than eight bytes would tear holes into innocent
    /// text and are left to be kept out by name.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut forms = Vec::new();
        let (mut starts, mut shortest) = (0, usize::MAX);
        let mut add = |form: Form| {
            for byte in form.text.iter().take(1).chain(b"%\\") {
                starts |= place(*byte);
            }
            shortest = shortest.min(form.text.len());
            forms.push(form);
        };
        for secret in secrets {
            if secret.len() < MIN_SCRUBBED_SECRET_BYTES {
                continue;
            }
            // Behind three bytes, one, or two, its first own character begins at this bit.
            for bit in [0, 4, 2] {
                add(Form {
                    text: base64(secret.as_bytes(), bit),
                    is_base64: true,
                    before: bit > 0,
                    behind: (secret.len() * 8 - bit) % 6 > 0,
                });
            }
            add(Form {
                text: secret.into(),
                is_base64: false,
                before: false,
                behind: false,
            });
        }
        Self {
            forms: forms.into(),
            starts,
            shortest,
        }
    }

    /// Whether there is a secret in `text`.
    pub fn finds(&self, text: &str) -> bool {
        self.find(text.as_bytes(), 0).is_some()
    }

    /// Replaces each secret in `text`; returns whether there was one.
    pub fn scrub(&self, text: &mut String) -> bool {
        let mut clean = String::new();
        let mut behind = 0;
        while let Some((end, start)) = self.find(text.as_bytes(), behind) {
            clean.push_str(text.get(behind..start).unwrap_or_default());
            clean.push_str(REDACTED);
            behind = end;
        }
        if behind > 0 {
            clean.push_str(text.get(behind..).unwrap_or_default());
            *text = clean;
        }
        behind > 0
    }

    /// Where the first secret from `from` on ends and begins.
    #[inline(never)]
    fn find(&self, text: &[u8], from: usize) -> Option<(usize, usize)> {
        let last = text.len().checked_sub(self.shortest)?;
        let mut at = from;
        while at <= last {
            let byte = *text.get(at)?;
            if self.starts & place(byte) != 0 {
                let is_escape = matches!(byte, b'%' | b'\\');
                let mut found = None;
                for form in &*self.forms {
                    if is_escape || form.may_mean(byte, 0) {
                        found = found.max(form.find(text, at));
                    }
                }
                if found.is_some() {
                    return found;
                }
            }
            at += 1;
        }
        None
    }
}

/// How a secret may be written, but for escapes.
struct Form {
    text: Vec<u8>,
    /// Whether it is base64: those characters that the secret alone decides.
    is_base64: bool,
    /// Whether the character before them has some bits of it.
    before: bool,
    /// Whether the character behind them has.
    behind: bool,
}

impl Form {
    /// Whether a byte is the one at this place, in one of the two kinds of base64 if it is that.
    fn may_mean(&self, byte: u8, place: usize) -> bool {
        let byte = if self.is_base64 { standard(byte) } else { byte };
        self.text.get(place) == Some(&byte)
    }

    /// Where it ends and begins, if it begins at `start`, however it is escaped.
    fn find(&self, text: &[u8], start: usize) -> Option<(usize, usize)> {
        let mut others = Vec::new();
        let (mut matched, mut at) = (0, start);
        while matched < self.text.len() {
            let mut next = None;
            let mut reading = text.get(at).map(|&byte| (byte, at + 1));
            for _ in 0..=MAX_NESTED_ESCAPES {
                let Some((byte, end)) = reading else { break };
                if self.may_mean(byte, matched) {
                    others.extend(next.replace((matched + 1, end)));
                }
                reading = meaning(byte, text, end);
            }
            (matched, at) = next.or_else(|| others.pop())?;
        }
        let beside = |is_wanted: bool, at: usize| {
            let byte = text.get(at).map(|&byte| standard(byte));
            usize::from(is_wanted && byte.is_some_and(|byte| BASE64.contains(&byte)))
        };
        let before = beside(self.before, start.wrapping_sub(1));
        Some((at + beside(self.behind, at), start - before))
    }
}

/// What an escape means that begins with `byte` and goes on at `at`, and where it ends.
fn meaning(byte: u8, text: &[u8], at: usize) -> Option<(u8, usize)> {
    match (byte, *text.get(at)?) {
        (b'%', _) => escaped(text, at, 2),
        (b'\\', b'x') => escaped(text, at + 1, 2),
        (b'\\', b'u') => escaped(text, at + 1, 4),
        (b'\\', next) => {
            let (mut quoted, mut end) = (next, at + 1);
            while quoted == b'%' {
                (quoted, end) = escaped(text, end, 2)?;
            }
            matches!(quoted, b'"' | b'\'' | b'/' | b'\\').then_some((quoted, end))
        }
        _ => None,
    }
}

/// The byte of these hexadecimal digits, and where they end.
fn escaped(text: &[u8], start: usize, digits: usize) -> Option<(u8, usize)> {
    let end = start + digits;
    let mut value = 0;
    for &digit in text.get(start..end)? {
        value = value << 4 | char::from(digit).to_digit(16)?;
    }
    Some((u8::try_from(value).ok()?, end))
}

/// The characters of base64 that a secret alone decides, from this bit of it on.
fn base64(secret: &[u8], bit: usize) -> Vec<u8> {
    let bits = (bit..secret.len() * 8 - 5).step_by(6);
    let characters = bits.filter_map(|bit| {
        let next = secret.get(bit / 8 + 1).copied().unwrap_or_default();
        let pair = u16::from_be_bytes([*secret.get(bit / 8)?, next]);
        BASE64
            .get(usize::from(pair >> (10 - bit % 8) & 63))
            .copied()
    });
    characters.collect()
}

/// A character of either base64 in that of section 4.
fn standard(byte: u8) -> u8 {
    match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    }
}

fn place(byte: u8) -> u64 {
    1 << (standard(byte) & 63)
}

#[cfg(test)]
mod tests {
    use ::base64::Engine;
    use ::base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::vectors;

    #[derive(Deserialize)]
    struct File {
        texts: Vec<Case>,
        escaped: Vec<Case>,
        base64: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        secret: String,
        text: String,
        scrubbed: String,
    }

    #[test]
    fn every_text_of_the_vectors_is_scrubbed_as_they_say() {
        let file: File = vectors::read("redaction.json");
        assert!(file.texts.len() > 10 && file.escaped.len() > 10 && file.base64.len() > 10);
        for case in file
            .texts
            .into_iter()
            .chain(file.escaped)
            .chain(file.base64)
        {
            let mut text = case.text;
            let redactor = Redactor::new([case.secret]);
            assert_eq!(redactor.finds(&text), case.scrubbed.contains(REDACTED));
            assert_eq!(redactor.scrub(&mut text), case.scrubbed.contains(REDACTED));
            assert_eq!(text, case.scrubbed);
        }
    }

    #[test]
    fn a_secret_of_eight_bytes_is_replaced_wherever_it_stands() {
        let redactor = Redactor::new(["12345678".to_owned(), "short".to_owned()]);
        let mut text = "a 12345678 b short c12345678".to_owned();
        assert!(redactor.scrub(&mut text));
        assert!(!redactor.scrub(&mut text));
        assert_eq!(text, "a [redacted] b short c[redacted]");
    }

    /// A character as it may be written: as it is, or as an escape whose first character may be
    /// written as one of these too.
    fn written(character: char, forms: &[u8]) -> String {
        let code = u32::from(character);
        let escape = match forms.first() {
            Some(1) => format!("%{code:02x}"),
            Some(2) => format!("%{code:02X}"),
            Some(3) => format!("\\u{code:04x}"),
            Some(4) => format!("\\x{code:02X}"),
            Some(5) if matches!(character, '"' | '\'' | '/' | '\\') => format!("\\{character}"),
            _ => return character.to_string(),
        };
        let (introducer, rest) = escape.split_at(1);
        written(introducer.chars().next().unwrap(), &forms[1..]) + rest
    }

    proptest! {
        #[test]
        fn a_secret_is_found_however_its_characters_are_escaped(
            characters in prop::collection::vec(
                ("[!-~]", prop::collection::vec(0u8..6, 0..4)), 8..20
            ),
            before in "[ -~é]{0,8}",
            behind in "[ -~é]{0,8}",
        ) {
            let secret: String = characters.iter().map(|(plain, _)| plain.as_str()).collect();
            let escaped: String = characters
                .iter()
                .map(|(plain, forms)| written(plain.chars().next().unwrap(), forms))
                .collect();
            let redactor = Redactor::new([secret]);
            let mut text = format!("{before}{escaped}{behind}");
            prop_assert!(redactor.scrub(&mut text), "{}", text);
            prop_assert!(!text.contains(&escaped));
        }

        #[test]
        fn a_secret_is_found_in_base64_of_more(
            secret in "[!-~]{8,20}", before in ".{0,8}", behind in ".{0,8}", is_for_urls: bool,
        ) {
            let whole = format!("{before}{secret}{behind}");
            let mut text = if is_for_urls {
                URL_SAFE_NO_PAD.encode(&whole)
            } else {
                STANDARD.encode(&whole)
            };
            let redactor = Redactor::new([secret.clone()]);
            prop_assert!(redactor.scrub(&mut text));
            let (first, last) = text.split_once(REDACTED).unwrap();
            // What is left has no bit of it.
            prop_assert!(first.len() * 6 <= before.len() * 8);
            prop_assert!(last.trim_end_matches('=').len() * 6 <= behind.len() * 8 + 5);
        }

        #[test]
        fn a_text_that_holds_no_secret_stays(text in ".{0,60}") {
            let mut scrubbed = text.clone();
            let redactor = Redactor::new(["a-secret-of-some-length".to_owned()]);
            prop_assert!(!redactor.scrub(&mut scrubbed));
            prop_assert_eq!(scrubbed, text);
        }
    }
}
