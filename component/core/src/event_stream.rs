//! Event streams: WHATWG HTML, sections 9.2.5 and 9.2.6.
//!
//! Bytes go in as they come, in chunks of any size; events come out. There is one difference from
//! the standard: a new connection starts with the last event id of the one before, as in browsers.

use std::borrow::Cow;
use std::mem;
use std::rc::Rc;

use memchr::memchr2;

use crate::defaults::{LARGEST_EVENT_BYTES, MAX_EVENT_BYTES, MAX_LINE_BYTES};
use crate::error::{Error, ErrorKind};

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
const FIELDS: [&[u8]; 4] = [b"data", b"event", b"id", b"retry"];
const LONGEST_FIELD: usize = 5;
/// The largest text that is mended where it is no UTF-8: each byte may become three.
const LARGEST_UNDECODABLE: usize = LARGEST_EVENT_BYTES / 3;

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

/// An event of a stream, as it is dispatched (WHATWG HTML, section 9.2.6).
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(extend("additionalProperties" = false))
)]
pub struct Event {
    /// Its type: `message` where the stream sets none (WHATWG HTML, section 9.2.6).
    #[cfg_attr(
        feature = "schema",
        schemars(rename = "type", with = "String", regex(pattern = r"^[^\n\r]+$"))
    )]
    pub kind: Cow<'static, str>,
    /// Its data: lines with LF between them (WHATWG HTML, section 9.2.6).
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^[^\r]*$")))]
    pub data: String,
    /// The last event id, which an earlier event may have set; empty if there is none (WHATWG HTML,
    /// section 9.2.6).
    #[cfg_attr(
        feature = "schema",
        schemars(with = "String", regex(pattern = r"^[^\x00\n\r]*$"))
    )]
    pub id: Rc<str>,
    /// Whether this event's own block set it.
    #[cfg_attr(feature = "schema", schemars(skip))]
    pub has_id: bool,
    /// The reconnection time in milliseconds, where its block set it (WHATWG HTML, section 9.2.6).
    #[cfg_attr(feature = "schema", schemars(range(max = u64::MAX)))]
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
    last_event_id: Rc<str>,
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
    pub fn new(limits: Limits, last_event_id: impl Into<Rc<str>>) -> Self {
        Self {
            limits,
            last_event_id: last_event_id.into(),
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
    /// limit, or is no UTF-8 and would be three times as large as text. What was complete before it
    /// is in `out`. The rest of the connection is of no use; the
    /// parser waits for a new one, as after [`reset`](Self::reset).
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<Message>) -> Result<(), Error> {
        self.parse(bytes, out).inspect_err(|_| self.reset())
    }

    /// A new connection begins: what was not complete is dropped. The last event id and the
    /// reconnection time stay.
    pub fn reset(&mut self) {
        *self = Self {
            retry: self.retry,
            ..Self::new(self.limits, mem::take(&mut self.last_event_id))
        };
    }

    /// The last event id, also where its block gave no event; not that of half a block.
    pub fn last_event_id(&self) -> &Rc<str> {
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

    fn parse(&mut self, bytes: &[u8], out: &mut Vec<Message>) -> Result<(), Error> {
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
                let mut line = mem::take(&mut self.half_line).held;
                if self.block.data.is_none() && line.starts_with(b"data:") {
                    // It may be large, so it is not copied.
                    let value = if line.get(5) == Some(&b' ') { 6 } else { 5 };
                    self.check_event(0, line.len() - value)?;
                    line.drain(..value);
                    self.block.data = Some(line);
                } else if !line.is_empty() {
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
            return self.dispatch(out);
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
                check_text(line)?;
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

    fn dispatch(&mut self, out: &mut Vec<Message>) -> Result<(), Error> {
        let block = mem::take(&mut self.block);
        check_text(&block.kind)?;
        check_text(block.data.as_deref().unwrap_or_default())?;
        check_text(block.id.as_deref().unwrap_or_default())?;
        let has_id = block.id.is_some();
        if let Some(id) = block.id {
            self.last_event_id = text(id).into();
        }
        if let Some(data) = block.data {
            out.push(Message::Event(Event {
                kind: if block.kind.is_empty() {
                    Cow::Borrowed("message")
                } else {
                    Cow::Owned(text(block.kind))
                },
                data: text(data),
                id: self.last_event_id.clone(),
                has_id,
                retry: block.retry,
            }));
        }
        Ok(())
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

/// Refuses what would become too large a text: three bytes for each that is no UTF-8.
fn check_text(bytes: &[u8]) -> Result<(), Error> {
    if bytes.len() <= LARGEST_UNDECODABLE || std::str::from_utf8(bytes).is_ok() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::TooLarge,
        "event_too_large",
        "a large event of the event stream is not UTF-8; have the server send that",
    ))
}

#[cfg(test)]
mod reference;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::vectors;

    #[derive(Deserialize)]
    struct File {
        parsed: Vec<Parsed>,
        resumed: Vec<Resumed>,
        bounded: Vec<Bounded>,
    }

    #[derive(Deserialize)]
    struct Parsed {
        name: String,
        stream: Option<String>,
        stream_hex: Option<String>,
        #[serde(default)]
        last_event_id_before: String,
        messages: Vec<Expected>,
        last_event_id: String,
        retry: Option<u64>,
    }

    #[derive(Deserialize)]
    struct Resumed {
        name: String,
        connections: Vec<String>,
        messages: Vec<Expected>,
        last_event_id: String,
        retry: Option<u64>,
    }

    #[derive(Deserialize)]
    struct Bounded {
        name: String,
        max_line_bytes: usize,
        max_event_bytes: usize,
        stream: String,
        messages: Vec<Expected>,
        code: Option<String>,
    }

    #[derive(Deserialize)]
    #[serde(untagged, deny_unknown_fields)]
    enum Expected {
        Comment {
            comment: String,
        },
        Event {
            #[serde(rename = "type")]
            kind: String,
            data: String,
            id: String,
            #[serde(default)]
            sets_id: bool,
            retry: Option<u64>,
        },
    }

    impl From<Expected> for Message {
        fn from(expected: Expected) -> Self {
            match expected {
                Expected::Comment { comment } => Self::Comment(comment),
                Expected::Event {
                    kind,
                    data,
                    id,
                    sets_id,
                    retry,
                } => Self::Event(Event {
                    kind: kind.into(),
                    data,
                    id: id.into(),
                    has_id: sets_id,
                    retry,
                }),
            }
        }
    }

    fn messages(expected: Vec<Expected>) -> Vec<Message> {
        expected.into_iter().map(Message::from).collect()
    }

    fn from_hex(digits: &str) -> Vec<u8> {
        let pairs = (0..digits.len()).step_by(2);
        pairs
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
            .collect()
    }

    const WITH_COMMENTS: Limits = Limits {
        max_line_bytes: MAX_LINE_BYTES,
        max_event_bytes: MAX_EVENT_BYTES,
        comments: true,
    };

    fn bounded(max_line_bytes: usize, max_event_bytes: usize) -> Limits {
        Limits {
            max_line_bytes,
            max_event_bytes,
            comments: true,
        }
    }

    /// What a stream gives in chunks of `sizes`, over and over again; up to the first error.
    fn feed(
        parser: &mut Parser,
        stream: &[u8],
        sizes: &[usize],
    ) -> (Vec<Message>, Result<(), Error>) {
        let mut out = Vec::new();
        let mut rest = stream;
        for size in sizes.iter().cycle() {
            let (chunk, after) = rest.split_at((*size).min(rest.len()));
            rest = after;
            let fed = parser.feed(chunk, &mut out);
            let limits = parser.limits;
            assert!(parser.buffered() <= limits.max_line_bytes + limits.max_event_bytes);
            if fed.is_err() || rest.is_empty() {
                return (out, fed);
            }
        }
        (out, Ok(()))
    }

    fn whole(limits: Limits, stream: &[u8]) -> Vec<Message> {
        let mut parser = Parser::new(limits, String::new());
        let (out, fed) = feed(&mut parser, stream, &[stream.len().max(1)]);
        fed.unwrap();
        out
    }

    fn refusal(limits: Limits, stream: &[u8]) -> Error {
        let mut parser = Parser::new(limits, String::new());
        feed(&mut parser, stream, &[7]).1.unwrap_err()
    }

    #[test]
    fn what_is_no_utf_8_is_mended_only_as_long_as_three_times_its_size_fits() {
        let raised = bounded(LARGEST_EVENT_BYTES, LARGEST_EVENT_BYTES);
        for (before, after) in [
            ("data:", "\n\n"),
            ("event:", "\ndata\n\n"),
            ("id:", "\n\n"),
            (":", "\n"),
        ] {
            let stream = |bytes: usize| {
                let wrong = vec![0xff; bytes - before.len()];
                [before.as_bytes(), &wrong, after.as_bytes()].concat()
            };
            whole(raised, &stream(LARGEST_UNDECODABLE));
            let error = refusal(raised, &stream(LARGEST_UNDECODABLE + before.len() + 1));
            assert_eq!(error.code, "event_too_large", "{before}");
            assert!(error.message.contains("UTF-8"));
        }
    }

    #[test]
    fn every_stream_of_the_vectors_gives_its_messages_whole_and_byte_by_byte() {
        let file: File = vectors::read("event_streams.json");
        assert!(file.parsed.len() >= 130);
        for case in file.parsed {
            let stream = match (case.stream, case.stream_hex) {
                (Some(text), None) => text.into_bytes(),
                (None, Some(digits)) => from_hex(&digits),
                _ => panic!("{}: stream or stream_hex", case.name),
            };
            let expected = messages(case.messages);
            for size in [stream.len().max(1), 1, 2, 3] {
                let mut parser = Parser::new(WITH_COMMENTS, case.last_event_id_before.clone());
                let (out, fed) = feed(&mut parser, &stream, &[size]);
                fed.unwrap();
                assert_eq!(out, expected, "{}", case.name);
                assert_eq!(
                    **parser.last_event_id(),
                    case.last_event_id,
                    "{}",
                    case.name
                );
                assert_eq!(parser.retry(), case.retry, "{}", case.name);
            }
        }
    }

    #[test]
    fn a_new_connection_keeps_the_id_and_the_reconnection_time_and_nothing_else() {
        let file: File = vectors::read("event_streams.json");
        assert!(file.resumed.len() >= 8);
        for case in file.resumed {
            let expected = messages(case.messages);
            for size in [1, 2, 1000] {
                let mut parser = Parser::new(WITH_COMMENTS, String::new());
                let mut out = Vec::new();
                for connection in &case.connections {
                    parser.reset();
                    assert_eq!(parser.buffered(), 0, "{}", case.name);
                    let (more, fed) = feed(&mut parser, connection.as_bytes(), &[size]);
                    fed.unwrap();
                    out.extend(more);
                }
                assert_eq!(out, expected, "{}", case.name);
                assert_eq!(
                    **parser.last_event_id(),
                    case.last_event_id,
                    "{}",
                    case.name
                );
                assert_eq!(parser.retry(), case.retry, "{}", case.name);
            }
        }
    }

    #[test]
    fn lines_and_events_over_their_limits_are_refused_and_others_are_not() {
        let file: File = vectors::read("event_streams.json");
        assert!(file.bounded.len() >= 25);
        for case in file.bounded {
            let limits = bounded(case.max_line_bytes, case.max_event_bytes);
            let expected = messages(case.messages);
            for size in [1, 2, 1000] {
                let mut parser = Parser::new(limits, String::new());
                let (out, fed) = feed(&mut parser, case.stream.as_bytes(), &[size]);
                assert_eq!(out, expected, "{}", case.name);
                let code = fed.err().map(|error| error.code);
                assert_eq!(code, case.code, "{}", case.name);
            }
        }
    }

    #[test]
    fn an_event_is_there_as_soon_as_its_last_line_is_ended() {
        for end in ["\n\n", "\r\r", "\r\n\r", "\n\r"] {
            let stream = format!("data: a{end}");
            let (last, start) = stream.as_bytes().split_last().unwrap();
            let mut parser = Parser::new(Limits::default(), String::new());
            let mut out = Vec::new();
            parser.feed(start, &mut out).unwrap();
            assert!(out.is_empty());
            parser.feed(&[*last], &mut out).unwrap();
            assert_eq!(out.len(), 1, "{end:?}");
            parser.feed(b"\n\n\n", &mut out).unwrap();
            assert_eq!(out.len(), 1, "{end:?}");
        }
    }

    #[test]
    fn what_nobody_wants_is_not_held() {
        let streams = [
            "x",
            "dat",
            "data x",
            "id x",
            ": ",
            "datas: ",
            "retry x: ",
            "\u{feff}",
        ];
        for start in streams {
            let mut parser = Parser::new(Limits::default(), String::new());
            for _ in 0..10 {
                parser.feed(start.as_bytes(), &mut Vec::new()).unwrap();
            }
            assert_eq!(parser.buffered(), 0, "{start:?}");
        }
    }

    #[test]
    fn comments_come_only_if_they_are_wanted() {
        let stream = b":a\ndata: b\n\n:c\n";
        assert_eq!(whole(Limits::default(), stream).len(), 1);
        assert_eq!(whole(WITH_COMMENTS, stream).len(), 3);
    }

    #[test]
    fn half_lines_and_half_events_are_counted_and_whole_ones_are_not() {
        let mut parser = Parser::new(Limits::default(), "77".to_owned());
        let mut out = Vec::new();
        let mut after = |bytes: &[u8]| {
            parser.feed(bytes, &mut out).unwrap();
            parser.buffered()
        };
        assert_eq!(after(b"data:123"), 8);
        assert_eq!(after(b"4\n"), 4);
        assert_eq!(after(b"data:5\nevent:ab\nid:c\n"), 9);
        assert_eq!(after(b"retry:100"), 18);
        assert_eq!(after(b"\r"), 9);
        assert_eq!(after(b"\n\n"), 0);
    }

    #[test]
    fn a_refusal_names_the_limit_and_the_mend_and_nothing_of_the_stream() {
        let line = refusal(bounded(20, 10), b"data: hunter22hunter22hunter22");
        let event = refusal(bounded(20, 10), b"data: hunter22hun\n");
        assert_eq!(line.kind, ErrorKind::TooLarge);
        assert_eq!(event.kind, ErrorKind::TooLarge);
        assert!(
            line.message.contains("max_line_bytes (20)"),
            "{}",
            line.message
        );
        assert!(
            event.message.contains("max_event_bytes (10)"),
            "{}",
            event.message
        );
        for error in [line, event] {
            assert!(
                error.message.contains("raise that limit"),
                "{}",
                error.message
            );
            assert!(!error.message.contains("hunter22"), "{}", error.message);
        }
    }

    /// Work that grew with the square of the size would not end here.
    #[test]
    fn a_million_tiny_events_a_long_line_and_many_lines_take_time_in_proportion() {
        let chunk = b"data\n\n".repeat(10_000);
        let mut parser = Parser::new(Limits::default(), String::new());
        for _ in 0..100 {
            let mut out = Vec::new();
            parser.feed(&chunk, &mut out).unwrap();
            assert_eq!(out.len(), 10_000);
        }
        for limit in [MAX_LINE_BYTES, MAX_EVENT_BYTES] {
            let line = [b"data:", "a".repeat(limit - 5).as_bytes(), b"\n\n"].concat();
            let (out, fed) = feed(&mut parser, &line, &[1]);
            assert_eq!((out.len(), fed), (1, Ok(())));
            let lines = ["data\n".repeat(limit + 1).as_bytes(), b"\n"].concat();
            let (out, fed) = feed(&mut parser, &lines, &[1000]);
            assert_eq!((out.len(), fed), (1, Ok(())));
        }
    }

    /// Bytes that mean something, and some that do not.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let field = prop::sample::select(vec!["data", "event", "id", "retry", ""]);
        let value =
            prop::sample::select(vec!["", " ", "a", " b", "  ", "12", "\0", "\u{2028}", "é"]);
        let end = prop::sample::select(vec!["\n", "\r", "\r\n"]);
        let line = (field, value, end).prop_map(|(field, value, end)| {
            [field.as_bytes(), b":", value.as_bytes(), end.as_bytes()].concat()
        });
        let piece = prop::sample::select(
            [
                &b"\n"[..],
                b"\r",
                b"\r\n",
                b"\n\n",
                b":",
                b" ",
                b"data",
                b"event",
                b"id",
                b"retry",
                b"\0",
                b"7",
                BYTE_ORDER_MARK,
                b"\xef",
                b"\xef\xbb",
                b"\xe2\x82\xac",
                b"\xf0\x9f\x98\x80",
                b"\xe2\x80\xa8",
                b"\xc2\x85",
                b"\x0b",
            ]
            .map(<[u8]>::to_vec)
            .to_vec(),
        );
        let pieces = prop_oneof![
            4 => line,
            4 => piece,
            1 => any::<u8>().prop_map(|byte| vec![byte]),
            1 => (0x80u8..).prop_map(|byte| vec![byte]),
        ];
        prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
    }

    /// Sizes of chunks: not all are empty.
    fn sizes() -> impl Strategy<Value = Vec<usize>> {
        (prop::collection::vec(0usize..6, 0..8), 1usize..40).prop_map(|(mut sizes, last)| {
            sizes.push(last);
            sizes
        })
    }

    proptest! {
        /// The model decodes all of a stream before it looks for lines.
        #[test]
        fn a_stream_means_what_the_standard_says(stream in stream(), before in "[ab]?") {
            let mut parser = Parser::new(WITH_COMMENTS, before.clone());
            let mut out = Vec::new();
            parser.feed(&stream, &mut out).unwrap();
            let expected = reference::parse(&stream, &before);
            prop_assert_eq!(out, expected.messages);
            prop_assert_eq!(&**parser.last_event_id(), expected.last_event_id);
            prop_assert_eq!(parser.retry(), expected.retry);
        }

        #[test]
        fn any_bytes_mean_what_the_standard_says(stream in prop::collection::vec(any::<u8>(), 0..80)) {
            let stream = [b"data:", &stream[..], b"\n\n"].concat();
            let expected = reference::parse(&stream, "");
            prop_assert_eq!(whole(WITH_COMMENTS, &stream), expected.messages);
        }

        #[test]
        fn chunks_make_no_difference(
            stream in stream(),
            sizes in sizes(),
            comments: bool,
            max_line_bytes in 1usize..40,
            max_event_bytes in 0usize..40,
        ) {
            let limits = Limits { max_line_bytes, max_event_bytes, comments };
            for limits in [limits, Limits { comments, ..Limits::default() }] {
                let mut one = Parser::new(limits, String::new());
                let mut many = Parser::new(limits, String::new());
                let expected = feed(&mut one, &stream, &[stream.len().max(1)]);
                prop_assert_eq!(feed(&mut many, &stream, &sizes), expected);
                prop_assert_eq!(many.last_event_id(), one.last_event_id());
                prop_assert_eq!(many.retry(), one.retry());
                prop_assert_eq!(many.buffered(), one.buffered());
            }
        }

        #[test]
        fn limits_refuse_or_change_nothing(
            stream in stream(),
            sizes in sizes(),
            max_line_bytes in 1usize..40,
            max_event_bytes in 0usize..40,
        ) {
            let limits = bounded(max_line_bytes, max_event_bytes);
            let (out, fed) = feed(&mut Parser::new(limits, String::new()), &stream, &sizes);
            let without = whole(WITH_COMMENTS, &stream);
            let longest = reference::longest_line(&stream);
            match fed {
                Ok(()) => {
                    prop_assert_eq!(out, without);
                    prop_assert!(longest <= max_line_bytes);
                }
                Err(error) => {
                    prop_assert_eq!(&out[..], &without[..out.len()]);
                    prop_assert!(error.code == "event_too_large" || longest > max_line_bytes);
                }
            }
        }

        #[test]
        fn whatever_is_fed_no_more_is_held_than_the_limits(
            streams in prop::collection::vec(stream(), 0..4),
            max_line_bytes in 1usize..10,
            max_event_bytes in 0usize..10,
        ) {
            let mut parser = Parser::new(bounded(max_line_bytes, max_event_bytes), String::new());
            for stream in streams {
                let _ = parser.feed(&stream, &mut Vec::new());
                prop_assert!(parser.half_line.held.len() <= max_line_bytes);
                prop_assert!(parser.block.bytes() <= max_event_bytes);
                prop_assert!(parser.buffered() <= max_line_bytes + max_event_bytes);
            }
        }

        #[test]
        fn a_new_connection_is_a_new_stream_with_the_last_event_id(first in stream(), second in stream()) {
            let mut reused = Parser::new(WITH_COMMENTS, String::new());
            reused.feed(&first, &mut Vec::new()).unwrap();
            let retry = reused.retry();
            let mut new = Parser::new(WITH_COMMENTS, reused.last_event_id().clone());
            reused.reset();
            let (out, expected) = (feed(&mut reused, &second, &[3]), feed(&mut new, &second, &[3]));
            prop_assert_eq!(out, expected);
            prop_assert_eq!(reused.last_event_id(), new.last_event_id());
            prop_assert_eq!(reused.retry(), new.retry().or(retry));
        }
    }
}
