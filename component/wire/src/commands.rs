//! The commands of `docs/abi.md`.

use ron_abi::Writer;

use crate::fields::Field;

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
    pub headers: Vec<Field>,
    /// The body, if there is one.
    pub body: Option<Vec<Segment>>,
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
                hexadecimal(out, bytes);
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

/// Writes a field of two digits for each byte, piece by piece: a body must not be copied whole.
fn hexadecimal(out: &mut Writer, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for piece in bytes.chunks(512) {
        let digits: String = piece
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|digit| char::from(DIGITS[usize::from(digit)]))
            .collect();
        out.items(&digits);
    }
    out.text("");
}
