//! What may stand in a message.

use std::fmt::Write as _;
use std::time::Duration;

/// The first C0 control character or DEL in `text`.
pub fn control(text: &str) -> Option<char> {
    text.chars().find(char::is_ascii_control)
}

/// The most characters that are shown of a text.
const SHOWN: usize = 80;

/// `text` as it may stand in an error message: quoted, printable and short.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("'");
    for (index, c) in text.chars().enumerate() {
        if index == SHOWN {
            out.push('…');
            break;
        }
        if c.is_control() {
            let _ = write!(out, "\\u{{{:x}}}", c as u32);
        } else {
            out.push(c);
        }
    }
    out.push('\'');
    out
}

/// The same of a short text, and nothing of a long one: of a secret that is cut off, a part would stay.
pub fn quoted_whole(text: &str) -> String {
    quoted(if text.len() > SHOWN { "…" } else { text })
}

/// A time in seconds, such as `10 s` or `0.25 s`.
pub fn seconds(time: Duration) -> String {
    let mut out = format!("{}.{:03}", time.as_secs(), time.subsec_millis());
    out.truncate(out.trim_end_matches('0').trim_end_matches('.').len());
    out.push_str(" s");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_seconds_without_superfluous_digits() {
        for (milliseconds, expected) in [
            (10_000, "10 s"),
            (250, "0.25 s"),
            (1, "0.001 s"),
            (0, "0 s"),
        ] {
            assert_eq!(seconds(Duration::from_millis(milliseconds)), expected);
        }
    }
}
