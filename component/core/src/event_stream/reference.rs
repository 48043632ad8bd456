//! The standard's own steps, one after the other, on whole streams: what the parser is compared with.

use super::{BYTE_ORDER_MARK, Event, Message};

/// What a stream comes to.
#[derive(Default)]
pub struct Outcome {
    pub messages: Vec<Message>,
    pub last_event_id: String,
    pub retry: Option<u64>,
}

/// WHATWG HTML, section 9.2.6, with a last event id from before.
pub fn parse(stream: &[u8], last_event_id: &str) -> Outcome {
    let mut outcome = Outcome {
        last_event_id: last_event_id.to_owned(),
        ..Outcome::default()
    };
    let mut data = String::new();
    let mut event_type = String::new();
    let mut id_buffer = last_event_id.to_owned();
    let mut has_id = false;
    let mut retry = None;
    for line in lines(&utf8_decode(stream)) {
        if line.is_empty() {
            outcome.last_event_id.clone_from(&id_buffer);
            if !data.is_empty() {
                assert_eq!(data.pop(), Some('\n'));
                outcome.messages.push(Message::Event(Event {
                    kind: if event_type.is_empty() {
                        "message".into()
                    } else {
                        event_type.into()
                    },
                    data,
                    id: id_buffer.as_str().into(),
                    has_id,
                    retry,
                }));
            }
            (data, event_type, has_id, retry) = (String::new(), String::new(), false, None);
            continue;
        }
        let (field, value) = match line.split_once(':') {
            Some(("", comment)) => {
                outcome.messages.push(Message::Comment(comment.to_owned()));
                continue;
            }
            Some((field, value)) => (field, value.strip_prefix(' ').unwrap_or(value)),
            None => (line.as_str(), ""),
        };
        match field {
            "event" => value.clone_into(&mut event_type),
            "data" => {
                data.push_str(value);
                data.push('\n');
            }
            "id" if !value.contains('\0') => {
                value.clone_into(&mut id_buffer);
                has_id = true;
            }
            "retry" if !value.is_empty() && value.chars().all(|c| c.is_ascii_digit()) => {
                retry = Some(value.parse().unwrap_or(u64::MAX));
                outcome.retry = retry;
            }
            _ => {}
        }
    }
    outcome
}

/// The length of the longest line in bytes, with or without an end. What may still become a byte
/// order mark is no line yet.
pub fn longest_line(stream: &[u8]) -> usize {
    if BYTE_ORDER_MARK.starts_with(stream) {
        return 0;
    }
    let stream = stream.strip_prefix(BYTE_ORDER_MARK).unwrap_or(stream);
    let lines = stream.split(|byte| matches!(byte, b'\r' | b'\n'));
    lines.map(<[u8]>::len).max().unwrap_or_default()
}

/// The lines that have an end.
fn lines(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    lines.pop();
    lines
}

/// The Encoding standard's UTF-8 decode (section 6), with its UTF-8 decoder (section 8.1.1).
fn utf8_decode(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut text = String::new();
    let (mut code_point, mut needed, mut seen) = (0u32, 0, 0);
    let (mut lower, mut upper) = (0x80, 0xbf);
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        at += 1;
        if needed == 0 {
            match byte {
                0x00..=0x7f => text.push(char::from(byte)),
                0xc2..=0xdf => (needed, code_point) = (1, u32::from(byte & 0x1f)),
                0xe0..=0xef => {
                    match byte {
                        0xe0 => lower = 0xa0,
                        0xed => upper = 0x9f,
                        _ => {}
                    }
                    (needed, code_point) = (2, u32::from(byte & 0xf));
                }
                0xf0..=0xf4 => {
                    match byte {
                        0xf0 => lower = 0x90,
                        0xf4 => upper = 0x8f,
                        _ => {}
                    }
                    (needed, code_point) = (3, u32::from(byte & 0x7));
                }
                _ => text.push('\u{fffd}'),
            }
            continue;
        }
        let in_range = (lower..=upper).contains(&byte);
        (lower, upper) = (0x80, 0xbf);
        if !in_range {
            // The byte is read again as the first of a sequence.
            at -= 1;
            (code_point, needed, seen) = (0, 0, 0);
            text.push('\u{fffd}');
            continue;
        }
        code_point = code_point << 6 | u32::from(byte & 0x3f);
        seen += 1;
        if seen == needed {
            text.push(char::from_u32(code_point).expect("the ranges leave out surrogates"));
            (code_point, needed, seen) = (0, 0, 0);
        }
    }
    if needed != 0 {
        text.push('\u{fffd}');
    }
    text
}
