//! JSON that passes through: members of an object are kept as the text that was received (RFC 8259).
//!
//! A tree of values would round large integers, and nest on the stack as deep as a server likes.
//! Text does neither; only the members that are understood get decoded.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::defaults::{MAX_JSON_DEPTH, MAX_JSON_NUMBER_BYTES};
use crate::redact::Redactor;

/// The members of an object and their texts. Of members with one name the last one counts.
pub type Object = BTreeMap<String, Box<RawValue>>;

/// The members of the object that `bytes` holds. Nothing if they hold anything else. A byte order
/// mark is skipped; what is not UTF-8 and halves of surrogate pairs become U+FFFD.
pub fn object(bytes: &[u8]) -> Option<Object> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    serde_json::from_str(&without_half_pairs(text)).ok()
}

/// The string that `json` is.
pub fn string(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

/// `text` as a JSON string.
pub fn quoted(text: &str) -> String {
    let mut out = String::new();
    push_quoted(&mut out, text);
    out
}

fn push_quoted(out: &mut String, text: &str) {
    if text.bytes().any(|b| b < b' ' || matches!(b, b'"' | b'\\')) {
        out.push_str(&serde_json::to_string(text).unwrap_or_default());
        return;
    }
    out.push('"');
    out.push_str(text);
    out.push('"');
}

/// The object of these members and their texts.
pub fn object_of<'a>(members: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut out = String::from("{");
    for (name, value) in members {
        if out.len() > 1 {
            out.push(',');
        }
        push_quoted(&mut out, name);
        out.push(':');
        out.push_str(&value);
    }
    out.push('}');
    out
}

/// A valid text as every reader can take it: without white space and needless escapes, and as a
/// string that holds the text if it nests deeper or has longer numbers than common readers accept.
pub fn portable(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut depth: usize = 0;
    let mut common = true;
    for token in tokens(json) {
        match token {
            Token::Text(literal) if literal.contains('\\') => {
                push_quoted(&mut out, &string(literal).unwrap_or_default());
                continue;
            }
            Token::Text(_) => {}
            Token::Number(number) => common &= is_common(number),
            Token::Other("[" | "{") => {
                depth += 1;
                common &= depth <= MAX_JSON_DEPTH;
            }
            Token::Other("]" | "}") => depth = depth.saturating_sub(1),
            Token::Other(_) => {}
        }
        out.push_str(token.text());
    }
    if common { out } else { quoted(&out) }
}

/// A valid text with the secrets taken out of its strings and numbers.
pub fn scrubbed(json: &str, redactor: &Redactor) -> String {
    if !json.contains('\\') && !redactor.finds(json) {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len());
    for token in tokens(json) {
        let mut text = match token {
            Token::Text(literal) => string(literal).unwrap_or_default(),
            Token::Number(number) => number.to_owned(),
            Token::Other(_) => String::new(),
        };
        if redactor.scrub(&mut text) {
            out.push_str(&quoted(&text));
        } else {
            out.push_str(token.text());
        }
    }
    out
}

/// Whether a 64-bit float can hold the number, if not each of its digits.
fn is_common(number: &str) -> bool {
    let (_, exponent) = number.split_once(['e', 'E']).unwrap_or((number, ""));
    let exponent = exponent.trim_start_matches(['+', '-', '0']);
    number.len() <= MAX_JSON_NUMBER_BYTES && exponent.len() <= 2
}

/// A piece of a JSON text.
#[derive(Clone, Copy)]
enum Token<'a> {
    /// A string with its quotation marks.
    Text(&'a str),
    /// A number.
    Number(&'a str),
    /// A bracket, comma, colon, `true`, `false` or `null`.
    Other(&'a str),
}

impl<'a> Token<'a> {
    fn text(self) -> &'a str {
        match self {
            Self::Text(text) | Self::Number(text) | Self::Other(text) => text,
        }
    }
}

/// Takes a valid text apart, leaving white space out.
fn tokens<'a>(json: &'a str) -> impl Iterator<Item = Token<'a>> {
    let mut rest = json;
    std::iter::from_fn(move || {
        rest = rest.trim_ascii_start();
        let run = |of: fn(&u8) -> bool| rest.bytes().take_while(of).count();
        let (token, length): (fn(&'a str) -> Token<'a>, _) = match rest.bytes().next()? {
            b'"' => (Token::Text, string_length(rest)),
            b'-' | b'0'..=b'9' => (
                Token::Number,
                run(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')),
            ),
            b'a'..=b'z' => (Token::Other, run(u8::is_ascii_lowercase)),
            _ => (Token::Other, 1),
        };
        let (text, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(token(text))
    })
}

/// How many bytes the string at the start of `json` takes, with its quotation marks.
fn string_length(json: &str) -> usize {
    let mut escaped = false;
    let inside = json.bytes().skip(1).take_while(|&byte| {
        let end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        !end
    });
    (inside.count() + 2).min(json.len())
}

/// `json` with U+FFFD for each escape of half a surrogate pair: no string can hold it.
fn without_half_pairs(json: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = json[at..].find('\\') {
        at += found;
        let unit = utf16_unit(&json[at..]);
        let length = match unit {
            Some(0xd800..=0xdbff) => match utf16_unit(&json[at + 6..]) {
                Some(0xdc00..=0xdfff) => 12,
                _ => 0,
            },
            Some(0xdc00..=0xdfff) => 0,
            Some(_) => 6,
            None => 1 + json[at + 1..].chars().next().map_or(0, char::len_utf8),
        };
        if length == 0 {
            out.push_str(&json[copied..at]);
            out.push_str("\\ufffd");
            copied = at + 6;
        }
        at += if length == 0 { 6 } else { length };
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    out.push_str(&json[copied..]);
    Cow::Owned(out)
}

/// The code unit of the escape `\uXXXX` at the start of `json`.
fn utf16_unit(json: &str) -> Option<u16> {
    let digits = json.strip_prefix("\\u")?.get(..4)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::redact::REDACTED;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 30, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..5)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    #[test]
    fn halves_of_surrogate_pairs_are_replaced_and_pairs_stay() {
        for (json, expected) in [
            (r#""\ud83d\ude00""#, "😀"),
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\\ud83d\n""#, "\\ud83d\n"),
        ] {
            assert_eq!(string(&without_half_pairs(json)).unwrap(), expected);
        }
        for broken in [
            "\\",
            r"\u",
            r"\ud83",
            r"\ud83d\",
            r"\ud83d\u12",
            "\\é\\ud83dé",
        ] {
            without_half_pairs(broken);
        }
    }

    proptest! {
        #[test]
        fn a_text_is_the_same_value_without_white_space(value in value()) {
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(portable(&pretty), value.to_string());
            let clean = scrubbed(&pretty, &Redactor::default());
            prop_assert_eq!(serde_json::from_str::<Value>(&clean).unwrap(), value);
        }

        #[test]
        fn a_secret_goes_however_it_is_written_and_the_rest_stays(
            value in value(),
            secret in "[a-z\u{e9}\"\\\\/]{8,12}",
            escaped: bool,
        ) {
            let redactor = Redactor::new([secret.clone()]);
            let with = |said: &str| {
                let mut text = serde_json::json!([value, said, {said: said}]).to_string();
                if escaped {
                    text = text.replace('z', "\\u007a");
                }
                text
            };
            let clean = scrubbed(&with(&secret), &redactor);
            let expected: Value = serde_json::from_str(&with(REDACTED)).unwrap();
            let found: Value = serde_json::from_str(&clean).unwrap();
            // Where the value happens to hold the secret, it goes too.
            prop_assume!(!redactor.finds(&value.to_string()));
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn no_text_is_too_odd_to_be_looked_at(text in ".{0,40}|[\"\\\\u{}\\[\\],:0-9a-f]{0,40}") {
            object(text.as_bytes());
            without_half_pairs(&text);
            portable(&text);
            scrubbed(&text, &Redactor::default());
        }
    }
}
