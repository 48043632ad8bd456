//! Event streams: WHATWG HTML, sections 9.2.5 and 9.2.6.
//!
//! Bytes go in as they come, in chunks of any size; events come out. There is one difference from
//! the standard: a new connection starts with the last event id of the one before, as in browsers.

use std::mem;

use memchr::memchr2;

use crate::defaults::{MAX_EVENT_BYTES, MAX_LINE_BYTES};
use crate::error::{Error, ErrorKind};

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
const FIELDS: [&[u8]; 4] = [b"data", b"event", b"id", b"retry"];
const LONGEST_FIELD: usize = 5;

/// What a stream may send. Bytes are counted as they come: each that is no UTF-8 becomes a U+FFFD of
/// three bytes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest line in bytes, without its end and a byte order mark.
    pub max_line_bytes: usize,
    /// The largest event in bytes: its type, its data and the id that its block sets.
    pub max_event_bytes: usize,
    /// Whether comments are wanted.
    pub comments: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_line_bytes: MAX_LINE_BYTES,
            max_event_bytes: MAX_EVENT_BYTES,
            comments: false,
        }
    }
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its type: `message` where the stream sets none.
    pub kind: String,
    /// Its data: lines with LF between them.
    pub data: String,
    /// The last event id, which an earlier event may have set; empty if there is none.
    pub id: String,
    /// Whether this event's own block set it.
    pub has_id: bool,
    /// The reconnection time in milliseconds, where its block set it.
    pub retry: Option<u64>,
}

/// What a stream says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// An event.
    Event(Event),
    /// A comment: all that follows its colon, also a space.
    Comment(String),
}

/// The fields since the last empty line.
#[derive(Debug, Default)]
struct Block {
    kind: Vec<u8>,
    /// None is not the same as empty: such an event is dispatched.
    data: Option<Vec<u8>>,
    id: Option<Vec<u8>>,
    retry: Option<u64>,
}

impl Block {
    fn bytes(&self) -> usize {
        let length = |field: &Option<Vec<u8>>| field.as_ref().map_or(0, Vec::len);
        self.kind.len() + length(&self.data) + length(&self.id)
    }
}

/// The start of a line whose end is still to come.
#[derive(Debug, Default)]
struct HalfLine {
    /// Empty if the line is of no interest.
    held: Vec<u8>,
    /// The bytes that came.
    bytes: usize,
}

/// Makes events of bytes.
#[derive(Debug)]
pub struct Parser {
    limits: Limits,
    last_event_id: String,
    retry: Option<u64>,
    /// How much of a byte order mark was there; all of it also if there is none.
    byte_order_mark: usize,
    /// The last line ended in CR: an LF that follows is part of that end.
    after_cr: bool,
    half_line: HalfLine,
    block: Block,
}

impl Parser {
    /// For an event source with this last event id, or an empty one.
    pub fn new(limits: Limits, last_event_id: String) -> Self {
        Self {
            limits,
            last_event_id,
            retry: None,
            byte_order_mark: 0,
            after_cr: false,
            half_line: HalfLine::default(),
            block: Block::default(),
        }
    }

    /// Takes the next bytes of the connection and appends what they complete to `out`.
    ///
    /// # Errors
    ///
    /// Kind `too-large`: a line (`line_too_large`) or an event (`event_too_large`) is over its
    /// limit. What was complete before it is in `out`. The connection is of no more use.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<Message>) -> Result<(), Error> {
        let mut rest = self.after_byte_order_mark(bytes)?;
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = memchr2(b'\n', b'\r', rest) {
            if self.half_line.bytes == 0 {
                self.check_line(end)?;
                self.line(&rest[..end], out)?;
            } else {
                self.hold(&rest[..end])?;
                let line = mem::take(&mut self.half_line).held;
                if !line.is_empty() {
                    self.line(&line, out)?;
                }
            }
            rest = match &rest[end..] {
                [b'\r', b'\n', after @ ..] => after,
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [_, after @ ..] => after,
                [] => &[],
            };
        }
        self.hold(rest)
    }

    /// A new connection begins: what was not complete is dropped. The last event id and the
    /// reconnection time stay.
    pub fn reset(&mut self) {
        self.byte_order_mark = 0;
        self.after_cr = false;
        self.half_line = HalfLine::default();
        self.block = Block::default();
    }

    /// The last event id, also where its block gave no event; not that of half a block.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// The reconnection time that the stream has set, in milliseconds.
    pub fn retry(&self) -> Option<u64> {
        self.retry
    }

    /// How many bytes of half lines and half events are held: no more than both limits together.
    pub fn buffered(&self) -> usize {
        self.half_line.held.len() + self.block.bytes()
    }

    fn after_byte_order_mark<'a>(&mut self, mut bytes: &'a [u8]) -> Result<&'a [u8], Error> {
        while let (Some(expected), Some((byte, rest))) = (
            BYTE_ORDER_MARK.get(self.byte_order_mark),
            bytes.split_first(),
        ) {
            if byte == expected {
                self.byte_order_mark += 1;
                bytes = rest;
            } else {
                let seen = mem::replace(&mut self.byte_order_mark, BYTE_ORDER_MARK.len());
                self.hold(&BYTE_ORDER_MARK[..seen])?;
            }
        }
        Ok(bytes)
    }

    fn hold(&mut self, part: &[u8]) -> Result<(), Error> {
        let seen = self.half_line.bytes;
        self.half_line.bytes = seen.saturating_add(part.len());
        self.check_line(self.half_line.bytes)?;
        if self.half_line.held.len() == seen {
            self.half_line.held.extend_from_slice(part);
            if !self.may_matter(&self.half_line.held) {
                self.half_line.held = Vec::new();
            }
        }
        Ok(())
    }

    /// Whether a line that begins so is of interest.
    fn may_matter(&self, start: &[u8]) -> bool {
        match colon(start) {
            Some(0) => self.limits.comments,
            Some(end) => FIELDS.contains(&&start[..end]),
            None => FIELDS.iter().any(|name| name.starts_with(start)),
        }
    }

    fn line(&mut self, line: &[u8], out: &mut Vec<Message>) -> Result<(), Error> {
        if line.is_empty() {
            self.dispatch(out);
            return Ok(());
        }
        let (name, value) = match colon(line) {
            Some(end) => {
                let value = &line[end + 1..];
                (&line[..end], value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, &[][..]),
        };
        match name {
            b"" if self.limits.comments => {
                out.push(Message::Comment(text(line[1..].to_vec())));
            }
            b"event" => {
                self.check_event(self.block.kind.len(), value.len())?;
                self.block.kind.clear();
                self.block.kind.extend_from_slice(value);
            }
            b"data" => match &mut self.block.data {
                None => {
                    self.check_event(0, value.len())?;
                    self.block.data = Some(value.to_vec());
                }
                Some(_) => {
                    self.check_event(0, value.len() + 1)?;
                    let data = self.block.data.get_or_insert_default();
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
            },
            b"id" if !value.contains(&0) => {
                let replaced = self.block.id.as_ref().map_or(0, Vec::len);
                self.check_event(replaced, value.len())?;
                self.block.id = Some(value.to_vec());
            }
            b"retry" => {
                if let Some(milliseconds) = whole_number(value) {
                    self.block.retry = Some(milliseconds);
                    self.retry = Some(milliseconds);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn dispatch(&mut self, out: &mut Vec<Message>) {
        let block = mem::take(&mut self.block);
        let has_id = block.id.is_some();
        if let Some(id) = block.id {
            self.last_event_id = text(id);
        }
        if let Some(data) = block.data {
            out.push(Message::Event(Event {
                kind: if block.kind.is_empty() {
                    "message".to_owned()
                } else {
                    text(block.kind)
                },
                data: text(data),
                id: self.last_event_id.clone(),
                has_id,
                retry: block.retry,
            }));
        }
    }

    fn check_line(&self, bytes: usize) -> Result<(), Error> {
        let limit = self.limits.max_line_bytes;
        if bytes <= limit {
            return Ok(());
        }
        Err(too_large(
            "line_too_large",
            "a line",
            "max_line_bytes",
            limit,
        ))
    }

    fn check_event(&self, replaced: usize, added: usize) -> Result<(), Error> {
        let limit = self.limits.max_event_bytes;
        if self.block.bytes() - replaced + added <= limit {
            return Ok(());
        }
        Err(too_large(
            "event_too_large",
            "an event",
            "max_event_bytes",
            limit,
        ))
    }
}

fn too_large(code: &str, what: &str, name: &str, limit: usize) -> Error {
    let message = [
        what,
        " of the event stream is larger than ",
        name,
        " (",
        &limit.to_string(),
        "); raise that limit or have the server send less at once",
    ]
    .concat();
    Error::new(ErrorKind::TooLarge, code, message)
}

/// Where the first colon of a line is, if the name before it may be one that is known.
fn colon(line: &[u8]) -> Option<usize> {
    line.iter()
        .take(LONGEST_FIELD + 1)
        .position(|byte| *byte == b':')
}

/// ASCII digits, at least one. What is too large for 64 bits becomes the largest number: no wait is
/// as long, so it means the same.
fn whole_number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        Some(number.saturating_mul(10).saturating_add(digit))
    })
}

/// The Encoding standard's UTF-8 decode. No sequence goes over the end of a line, so lines and
/// fields can be decoded by themselves.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_its_type_data_and_id() {
        let mut out = Vec::new();
        let mut parser = Parser::new(Limits::default(), String::new());
        parser
            .feed(b"event: put\nid: 7\ndata: a\ndata: b\n\n", &mut out)
            .unwrap();
        let event = Event {
            kind: "put".to_owned(),
            data: "a\nb".to_owned(),
            id: "7".to_owned(),
            has_id: true,
            retry: None,
        };
        assert_eq!(out, [Message::Event(event)]);
    }
}
