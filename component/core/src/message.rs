//! What may stand in a message.

use std::fmt::Write as _;

/// The first C0 control character or DEL in `text`.
pub fn control(text: &str) -> Option<char> {
    text.chars().find(char::is_ascii_control)
}

/// `text` as it may stand in an error message: quoted, printable and short.
pub fn quoted(text: &str) -> String {
    const SHOWN: usize = 80;
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
