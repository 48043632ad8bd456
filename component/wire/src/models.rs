//! Properties of the logic: each file holds it to a small model, in virtual time, without a network.

mod bodies;
mod exchanges;
mod host;
mod polling;
mod sections;
mod streaming;

use ron_abi::Reader;

use crate::commands::Segment;
use crate::fields::Fields;
use crate::instance::Instance;
use crate::outgoing::OutgoingRequest;

/// A command, read back from its text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Command {
    Start,
    Send(u64, Sent),
    Abort(u64),
    Read(u64, u64),
}

/// What the host was told to send.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    method: String,
    url: String,
    timeouts: [Option<u64>; 3],
    headers: Vec<(String, String)>,
    body: Option<Vec<Segment>>,
}

impl Sent {
    /// The body, byte for byte; none stands for a byte that the host holds.
    fn bytes(&self) -> Vec<Option<u8>> {
        let segments = self.body.iter().flatten();
        segments
            .flat_map(|segment| match segment {
                Segment::Held(length) => vec![None; *length as usize],
                Segment::Bytes(bytes) => bytes.iter().copied().map(Some).collect(),
            })
            .collect()
    }
}

/// Reads output items; each must be one of the call.
fn read_commands(items: &str, call: u64) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut reader = Reader::new(items);
    while reader.end().is_err() {
        assert_eq!(reader.number("call"), Ok(call));
        let kind = reader.text("kind").unwrap();
        let mut number = || reader.number("number").unwrap();
        commands.push(match kind {
            "start" => Command::Start,
            "abort" => Command::Abort(number()),
            "read" => Command::Read(number(), number()),
            "send" => Command::Send(number(), read_sent(&mut reader)),
            other => panic!("there is no command {other}"),
        });
    }
    commands
}

fn read_sent(reader: &mut Reader<'_>) -> Sent {
    let mut text = || reader.text("text").unwrap().to_owned();
    let (method, url) = (text(), text());
    let timeouts = [(); 3].map(|()| reader.optional_number("timeout").unwrap());
    let headers = reader.block("headers").unwrap().into_iter();
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers = headers.collect();
    let segments = reader.optional_number("segments").unwrap();
    let body = segments.map(|count| {
        let segment = |_| match reader.text("segment").unwrap() {
            "held" => Segment::Held(reader.number("length").unwrap()),
            "bytes" => Segment::Bytes(bytes(reader.text("digits").unwrap())),
            other => panic!("there is no segment {other}"),
        };
        (0..count).map(segment).collect()
    });
    Sent {
        method,
        url,
        timeouts,
        headers,
        body,
    }
}

fn bytes(digits: &str) -> Vec<u8> {
    assert_eq!(digits.len() % 2, 0);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.as_bytes().chunks(2).map(byte).collect()
}

/// An instance that must not block.
fn unblocked() -> &'static Instance {
    let instance = Instance::new(|commands| panic!("blocked after {commands:?}"));
    instance.exchanges.call.set(7);
    instance
}

/// The commands that an instance has queued.
fn commands(instance: &Instance) -> Vec<Command> {
    read_commands(&instance.exchanges.drain(), instance.exchanges.call.get())
}

/// A request that can be sent.
fn request(headers: &[(&str, &str)]) -> OutgoingRequest {
    let entries = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect();
    let request = OutgoingRequest::new(Fields::from_list(entries).unwrap());
    request.set_authority(Some("h".to_owned())).unwrap();
    request.set_path_with_query(Some("/x".to_owned())).unwrap();
    request
}
