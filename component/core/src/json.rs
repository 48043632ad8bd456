//! JSON that passes through: members of an object are kept as the text that was received (RFC 8259).
//!
//! A tree of values would round large integers, and nest on the stack as deep as a server likes.
//! Text does neither; only the members that are understood get decoded.

use std::collections::BTreeMap;
use std::mem;

use serde_json::value::RawValue;

use crate::defaults::{MAX_JSON_DEPTH, MAX_JSON_NUMBER_BYTES};
use crate::redact::Redactor;

/// The members of an object and their texts. Of members with one name the last one counts.
pub type Object = BTreeMap<String, String>;

/// The members of the object that `bytes` holds. Nothing if they hold anything else. A byte order
/// mark is skipped; what is not UTF-8 becomes U+FFFD.
pub fn object(bytes: &[u8]) -> Option<Object> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    // A check alone: any other type would bring number parsing and error texts, 20 kB.
    let json: &RawValue = serde_json::from_str(text).ok()?;
    json.get().starts_with('{').then(|| members(json.get()))
}

fn members(object: &str) -> Object {
    let mut members = Object::new();
    let mut depth: usize = 0;
    let (mut name, mut text) = (None, String::new());
    for token in tokens(object) {
        match (depth, token.text()) {
            (0, _) => {}
            (1, ":") => name = string(&mem::take(&mut text)),
            (1, "," | "}") => members.extend(name.take().zip(Some(mem::take(&mut text)))),
            (_, token) => text.push_str(token),
        }
        depth = token.depth_behind(depth);
    }
    members
}

/// The string that `json` is. Halves of surrogate pairs become U+FFFD.
pub fn string(json: &str) -> Option<String> {
    let mut rest = json.strip_prefix('"')?.strip_suffix('"')?;
    let mut units = Vec::with_capacity(rest.len());
    while let Some((plain, escape)) = rest.split_once('\\') {
        units.extend(plain.encode_utf16());
        let (kind, behind) = escape.split_at_checked(1)?;
        let (unit, behind) = match kind {
            "u" => {
                let (digits, behind) = behind.split_at_checked(4)?;
                (u16::from_str_radix(digits, 16).ok()?, behind)
            }
            "b" => (0x08, behind),
            "f" => (0x0c, behind),
            "n" => (0x0a, behind),
            "r" => (0x0d, behind),
            "t" => (0x09, behind),
            itself => (itself.bytes().next()?.into(), behind),
        };
        units.push(unit);
        rest = behind;
    }
    units.extend(rest.encode_utf16());
    Some(String::from_utf16_lossy(&units))
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
            Token::Other(_) => {
                depth = token.depth_behind(depth);
                common &= depth <= MAX_JSON_DEPTH;
            }
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

/// Serialises a valid text as the value that it is.
///
/// # Errors
///
/// The serializer's, or the text is not valid.
#[cfg(feature = "schema")]
pub fn serialize<S: serde::Serializer>(json: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let value: &RawValue = serde_json::from_str(json).map_err(serde::ser::Error::custom)?;
    serde::Serialize::serialize(value, serializer)
}

/// As [`serialize`]; nothing is null.
///
/// # Errors
///
/// As [`serialize`].
#[cfg(feature = "schema")]
pub fn serialize_optional<S: serde::Serializer>(
    json: &Option<String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serialize(json.as_deref().unwrap_or("null"), serializer)
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

    /// How deep the text nests behind this, if it nested `depth` deep in front of it.
    fn depth_behind(self, depth: usize) -> usize {
        match self {
            Self::Other("[" | "{") => depth + 1,
            Self::Other("]" | "}") => depth.saturating_sub(1),
            _ => depth,
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::redact::REDACTED;
    use crate::vectors;

    #[test]
    fn every_json_of_the_vectors_is_scrubbed_as_they_say() {
        let file: Value = vectors::read("redaction.json");
        let cases = file["json"].as_array().unwrap();
        assert!(cases.len() > 5);
        for case in cases {
            let text = |name: &str| case[name].as_str().unwrap().to_owned();
            let redactor = Redactor::new([text("secret")]);
            assert_eq!(scrubbed(&text("text"), &redactor), text("scrubbed"));
        }
    }

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
            assert_eq!(string(json).unwrap(), expected);
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
        fn the_members_of_an_object_are_their_texts(
            members in prop::collection::btree_map(".{0,4}", value(), 0..5)
        ) {
            let pretty = serde_json::to_string_pretty(&members).unwrap();
            let texts = members.into_iter().map(|(name, value)| (name, value.to_string()));
            prop_assert_eq!(object(pretty.as_bytes()), Some(texts.collect()));
        }

        #[test]
        fn what_is_no_object_is_refused(
            text in "\\{?( ?\"a\" ?: ?(-?[0-9.eE+-]{1,4}|null|[\\[{]{1,2}(1|\"a\"(:1)?)?[\\]}]{1,2}|\"\\\\?.\"),?){0,2}\\}? ?"
        ) {
            let reference: Result<BTreeMap<String, Box<RawValue>>, _> = serde_json::from_str(&text);
            prop_assert_eq!(object(text.as_bytes()).is_some(), reference.is_ok(), "{}", text);
        }

        #[test]
        fn a_string_is_what_serde_json_reads(
            json in "\"([ -!#-\\[\\]-~é😀]|\\\\[\"\\\\/bfnrt]|\\\\u[0-9a-c][0-9a-fA-F]{3}|\\\\ud83d\\\\ude00){0,8}\""
        ) {
            prop_assert_eq!(string(&json), serde_json::from_str(&json).ok());
        }

        #[test]
        fn no_text_is_too_odd_to_be_looked_at(text in ".{0,40}|[\"\\\\u{}\\[\\],:0-9a-f]{0,40}") {
            object(text.as_bytes());
            string(&text);
            portable(&text);
            scrubbed(&text, &Redactor::default());
        }
    }
}
