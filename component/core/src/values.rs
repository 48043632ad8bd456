//! Values that JSON has no types for: whole numbers beyond 2^53, times, bytes.
//!
//! Servers send whole numbers as numbers or as text (`protocol.md` 10, row 18), times after RFC 3339
//! and bytes as base64url (`protocol.md` 4.1, rows 7 and 8).

use std::error;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::json;

/// What was expected in place of a text. Says nothing of the text itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.0)
    }
}

impl error::Error for Unreadable {}

/// The whole number that a JSON text is: a number without fraction and exponent, or a string of
/// decimal digits without superfluous ones.
///
/// # Errors
///
/// It is none, or it is too large for the type.
pub fn u64(json: &str) -> Result<u64, Unreadable> {
    integer(json, 0..=u64::MAX)
}

/// The same with a sign.
///
/// # Errors
///
/// As [`u64`].
pub fn i64(json: &str) -> Result<i64, Unreadable> {
    integer(json, i64::MIN..=i64::MAX)
}

/// The same for amounts of money (`protocol.md` 3.1).
///
/// # Errors
///
/// As [`u64`].
pub fn u128(json: &str) -> Result<u128, Unreadable> {
    integer(json, 0..=u128::MAX)
}

fn integer<T>(json: &str, range: RangeInclusive<T>) -> Result<T, Unreadable>
where
    T: std::str::FromStr + fmt::Display,
{
    let text = json::string(json);
    // JSON knows a minus zero, and integers of Rust without a sign don't.
    let number = match &text {
        None if json == "-0" => "0",
        None => json,
        Some(text) => text,
    };
    let digits = number.strip_prefix('-').unwrap_or(number);
    let is_zero = number == "0";
    let is_plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    if (is_zero || is_plain)
        && let Ok(value) = number.parse()
    {
        return Ok(value);
    }
    Err(Unreadable(format!(
        "a whole number from {} to {}, as a number or a string of its decimal digits",
        range.start(),
        range.end()
    )))
}

/// The time that a text after RFC 3339 says. Of a fraction, nine digits count. A leap second is the
/// second after it.
///
/// # Errors
///
/// It says none in the years 1 to 9999 of UTC.
pub fn timestamp(text: &str) -> Result<SystemTime, Unreadable> {
    read_timestamp(text).ok_or_else(|| {
        Unreadable(
            "a time after RFC 3339 with an offset, such as 2026-01-31T12:00:00Z, from the year 1 \
             to 9999"
                .to_owned(),
        )
    })
}

fn read_timestamp(text: &str) -> Option<SystemTime> {
    let (before, after) = text.split_at_checked("2026-01-31T12:00:".len())?;
    let usual = after
        .strip_prefix("60")
        .map(|rest| format!("{before}59{rest}"));
    let time = OffsetDateTime::parse(usual.as_deref().unwrap_or(text), &Rfc3339).ok()?;
    let mut utc = time.checked_to_utc()?;
    if usual.is_some() {
        utc = utc.checked_add(time::Duration::SECOND)?;
        // Leap seconds end a month in UTC (RFC 3339, section 5.7).
        if (utc.day(), utc.hour(), utc.minute()) != (1, 0, 0) {
            return None;
        }
    }
    (1..=9999).contains(&utc.year()).then(|| utc.into())
}

/// How far a time is from 1970: whole seconds and nanoseconds, of which the latter count up.
pub fn unix_time(time: SystemTime) -> (i64, u32) {
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => (seconds(after), after.subsec_nanos()),
        Err(error) => match error.duration() {
            before if before.subsec_nanos() == 0 => (-seconds(before), 0),
            before => (-seconds(before) - 1, 1_000_000_000 - before.subsec_nanos()),
        },
    }
}

/// The bytes that a base64url text stands for, which may have its padding.
///
/// # Errors
///
/// It is no such text, or has bits behind the end.
pub fn from_base64url(text: &str) -> Result<Vec<u8>, Unreadable> {
    let engine = if text.ends_with('=') {
        URL_SAFE
    } else {
        URL_SAFE_NO_PAD
    };
    engine.decode(text).map_err(|_| {
        Unreadable("base64url after RFC 4648, section 5, with its padding or without".to_owned())
    })
}

/// Bytes as base64url text without padding.
pub fn to_base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde::de::IgnoredAny;

    use super::*;
    use crate::vectors;

    #[derive(Deserialize)]
    struct Integers {
        captured: Vec<Integer>,
        made: Vec<Integer>,
    }

    #[derive(Deserialize)]
    struct Integer {
        json: String,
        value: Option<String>,
        types: Vec<String>,
    }

    #[test]
    fn integers_are_those_of_the_vectors() {
        let file: Integers = vectors::read("integers.json");
        for case in file.captured.iter().chain(&file.made) {
            for (name, found) in [
                ("u64", super::u64(&case.json).map(|n| n.to_string())),
                ("i64", super::i64(&case.json).map(|n| n.to_string())),
                ("u128", super::u128(&case.json).map(|n| n.to_string())),
            ] {
                let fits = case.types.iter().any(|other| other == name);
                let expected = case.value.clone().filter(|_| fits);
                assert_eq!(found.ok(), expected, "{} as {name}", case.json);
            }
        }
    }

    #[derive(Deserialize)]
    struct Timestamps {
        read: Vec<Timestamp>,
        refused: Vec<Text>,
    }

    #[derive(Deserialize)]
    struct Timestamp {
        text: String,
        seconds: i64,
        nanoseconds: u32,
    }

    #[derive(Deserialize)]
    struct Text {
        text: String,
    }

    #[test]
    fn timestamps_are_those_of_the_vectors() {
        let file: Timestamps = vectors::read("timestamps.json");
        for case in &file.read {
            let time =
                timestamp(&case.text).unwrap_or_else(|error| panic!("{} {error}", case.text));
            assert_eq!(
                unix_time(time),
                (case.seconds, case.nanoseconds),
                "{}",
                case.text
            );
        }
        for case in &file.refused {
            assert_eq!(timestamp(&case.text).ok(), None, "{}", case.text);
        }
    }

    #[derive(Deserialize)]
    struct Base64Url {
        read: Vec<Bytes>,
        refused: Vec<Text>,
    }

    #[derive(Deserialize)]
    struct Bytes {
        text: String,
        hex: String,
    }

    #[test]
    fn base64url_is_that_of_the_vectors() {
        let file: Base64Url = vectors::read("base64url.json");
        for case in &file.read {
            let bytes = from_base64url(&case.text).unwrap();
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, case.hex, "{}", case.text);
            assert_eq!(to_base64url(&bytes), case.text.trim_end_matches('='));
        }
        for case in &file.refused {
            assert_eq!(from_base64url(&case.text).ok(), None, "{}", case.text);
        }
    }

    proptest! {
        #[test]
        fn every_whole_number_is_read_as_number_and_as_text(
            large: u128, small: u64, signed: i64
        ) {
            for quote in ["", "\""] {
                prop_assert_eq!(super::u128(&format!("{quote}{large}{quote}")), Ok(large));
                prop_assert_eq!(super::u64(&format!("{quote}{small}{quote}")), Ok(small));
                prop_assert_eq!(super::i64(&format!("{quote}{signed}{quote}")), Ok(signed));
            }
        }

        #[test]
        fn a_number_of_json_is_read_where_it_is_whole(json in "-?[0-9]{1,3}(\\.0)?([eE]1)?") {
            let is_json = serde_json::from_str::<IgnoredAny>(&json).is_ok();
            let is_whole = json.bytes().all(|b| matches!(b, b'-' | b'0'..=b'9'));
            prop_assert_eq!(super::i64(&json).is_ok(), is_json && is_whole, "{}", json);
        }

        #[test]
        fn bytes_are_the_same_after_writing_and_reading(
            bytes in prop::collection::vec(any::<u8>(), 0..40)
        ) {
            prop_assert_eq!(from_base64url(&to_base64url(&bytes)), Ok(bytes));
        }

        #[test]
        fn no_text_is_too_odd_to_be_looked_at(text in ".{0,40}|[0-9TtZz:.+-]{0,40}|\"?-?[0-9]{0,50}\"?") {
            let _ = (super::i64(&text), timestamp(&text), from_base64url(&text));
        }
    }
}
