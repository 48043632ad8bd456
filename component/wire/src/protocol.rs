//! The commands and events of `docs/abi.md` that concern exchanges.

use std::rc::Rc;

use ron_abi::{Malformed, Reader, Writer, from_latin1};

use crate::exchange::{self, Failure, Head};
use crate::random;

/// A piece of a request body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// The next bytes of the body that the host holds.
    Held(u64),
    /// Bytes that a component made.
    Bytes(Vec<u8>),
}

impl Segment {
    /// Its size in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Held(length) => *length,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }
}

/// A request as the host is to send it. Times are in nanoseconds.
#[derive(Debug, Default)]
pub struct Send {
    /// The method.
    pub method: String,
    /// Absolute and encoded.
    pub url: String,
    /// DNS, TCP and TLS together.
    pub connect_timeout: Option<u64>,
    /// To the first byte of the answer.
    pub first_byte_timeout: Option<u64>,
    /// Between bytes of the answer.
    pub between_bytes_timeout: Option<u64>,
    /// Names and values.
    pub headers: Rc<Vec<(String, Vec<u8>)>>,
    /// The body, if there is one.
    pub body: Option<Vec<Segment>>,
}

/// A header section as the host framed it. Most answers are never asked for theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderBlock(String);

impl HeaderBlock {
    /// Takes a whole header block; checks that it has as many fields as it says.
    fn new(block: &str) -> Result<Self, Malformed> {
        let mut reader = Reader::new(block);
        let pairs = reader.number("headers")?;
        let fields = reader.take_rest();
        let ends = fields.bytes().filter(|b| *b == 0).count() as u64;
        let complete = fields.is_empty() || fields.ends_with('\0');
        if !complete || pairs.checked_mul(2) != Some(ends) {
            return Err(Malformed::new(
                "the field headers is not as long as it says",
            ));
        }
        Ok(Self(fields.to_owned()))
    }

    /// Names and values.
    pub fn entries(&self) -> Vec<(String, Vec<u8>)> {
        let mut fields = self.0.split_terminator('\0');
        let mut entries = Vec::new();
        while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
            // Beyond latin-1 there is nothing that a host could mean.
            let bytes = from_latin1("value", value).unwrap_or_else(|_| value.into());
            entries.push((name.to_owned(), bytes));
        }
        entries
    }
}

/// Writes a `send`.
pub fn send(out: &mut Writer, call: u64, exchange: u64, request: &Send) {
    item(out, call, "send", exchange);
    out.text(&request.method);
    out.text(&request.url);
    out.optional_number(request.connect_timeout);
    out.optional_number(request.first_byte_timeout);
    out.optional_number(request.between_bytes_timeout);
    // The host makes Content-Length from the segments.
    let own = |name: &str| !name.eq_ignore_ascii_case("content-length");
    let headers = request.headers.iter().filter(|(name, _)| own(name));
    out.number(headers.clone().count() as u64);
    for (name, value) in headers {
        out.text(name);
        match std::str::from_utf8(value) {
            Ok(value) if value.is_ascii() => out.text(value),
            _ => out.text(&ron_abi::to_latin1(value)),
        }
    }
    let Some(segments) = &request.body else {
        out.text("");
        return;
    };
    out.number(segments.len() as u64);
    for segment in segments {
        match segment {
            Segment::Held(length) => {
                out.text("held");
                out.number(*length);
            }
            Segment::Bytes(bytes) => {
                out.text("bytes");
                out.text(&hexadecimal(bytes));
            }
        }
    }
}

/// Writes an `abort`.
pub fn abort(out: &mut Writer, call: u64, exchange: u64) {
    item(out, call, "abort", exchange);
}

/// Writes a `read`.
pub fn read(out: &mut Writer, call: u64, exchange: u64, max: u64) {
    item(out, call, "read", exchange);
    out.number(max);
}

/// Writes a `start`.
pub fn start(out: &mut Writer, call: u64) {
    out.number(call);
    out.text("start");
}

fn item(out: &mut Writer, call: u64, kind: &str, exchange: u64) {
    out.number(call);
    out.text(kind);
    out.number(exchange);
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// Takes an event, from its name on. Events of unknown exchanges are ignored: they have crossed
/// with an `abort`.
///
/// # Errors
///
/// The event is malformed; nothing has changed.
pub fn deliver(event: &str) -> Result<(), Malformed> {
    let mut reader = Reader::new(event);
    match reader.text("event")? {
        "tick" => reader.end(),
        "start" => {
            let entropy = reader.text("entropy")?;
            reader.end()?;
            random::seed(entropy).map_err(Malformed::new)
        }
        "response" => {
            let exchange = exchange::find(reader.number("exchange")?);
            let status = u16::try_from(reader.number("status")?)
                .ok()
                .filter(|status| (100..=999).contains(status))
                .ok_or_else(|| Malformed::new("the field status is no status code"))?;
            let headers = HeaderBlock::new(reader.take_rest())?;
            if let Some(exchange) = exchange {
                exchange.on_response(Head { status, headers });
            }
            Ok(())
        }
        "data" => {
            let exchange = exchange::find(reader.number("exchange")?);
            let end = match reader.text("end")? {
                "0" => false,
                "1" => true,
                _ => return Err(Malformed::new("the field end is neither 0 nor 1")),
            };
            let bytes = from_latin1("bytes", reader.take_rest())?;
            if let Some(exchange) = exchange {
                exchange.on_data(&bytes, end);
            }
            Ok(())
        }
        "failure" => {
            let exchange = exchange::find(reader.number("exchange")?);
            let code = reader.text("error-code")?.to_owned();
            let detail = reader.text("detail")?.to_owned();
            reader.end()?;
            if code.is_empty() {
                return Err(Malformed::new("the field error-code is empty"));
            }
            if let Some(exchange) = exchange {
                exchange.on_failure(Failure { code, detail });
            }
            Ok(())
        }
        other => Err(Malformed::new(["there is no event ", other].concat())),
    }
}
