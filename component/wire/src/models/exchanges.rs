//! The life of an exchange: the model is what an honest reading of `docs/abi.md` makes of the
//! events, whatever the host sends and whatever the component does.

use proptest::prelude::*;

use super::{Command, read_commands, request, unblocked};
use crate::commands::Segment;
use crate::defaults::{MAX_HEADER_SECTION_BYTES, MAX_READ_BYTES, MAX_URL_BYTES, READ_AHEAD_BYTES};
use crate::events::deliver;
use crate::failure::Failure;
use crate::fields::{Field, Fields};
use crate::incoming::{FutureIncomingResponse, FutureTrailers, IncomingBody, IncomingResponse};
use crate::input_stream::InputStream;
use crate::instance::Instance;
use crate::outgoing::{Invalid, OutgoingRequest, RequestOptions, handle};
use crate::pollable::Pollable;
use crate::stream_error::{IoError, StreamError};
use crate::wit::exports::wasi::http::types::{Method, Scheme};

#[derive(Debug, Clone)]
enum Step {
    /// Events, true or not. `data` may be longer than what was asked for.
    Response(u64, u16),
    Data(u64, Vec<u8>, bool),
    Failure(u64),
    Tick,
    /// What the component does with what it has.
    Get,
    Consume,
    TakeStream,
    Read(u64),
    Skip(u64),
    /// Makes a pollable and keeps it.
    Subscribe,
    /// Asks all pollables, old ones too.
    Ready,
    Finish,
    GetTrailers,
    Release,
    /// Drops what it has, the youngest first.
    Drop,
}

fn step() -> impl Strategy<Value = Step> {
    // The second exchange is one that nobody holds.
    let id = || prop_oneof![9 => Just(1u64), 1 => Just(2u64)];
    let size = || prop_oneof![Just(0u64), 1..9u64, Just(u64::MAX)];
    prop_oneof![
        5 => (id(), 200..210u16).prop_map(|(id, status)| Step::Response(id, status)),
        8 => (id(), prop::collection::vec(any::<u8>(), 0..8), prop::bool::weighted(0.2))
            .prop_map(|(id, bytes, end)| Step::Data(id, bytes, end)),
        1 => id().prop_map(Step::Failure),
        1 => Just(Step::Tick),
        4 => Just(Step::Get),
        3 => Just(Step::Consume),
        3 => Just(Step::TakeStream),
        8 => size().prop_map(Step::Read),
        2 => size().prop_map(Step::Skip),
        2 => Just(Step::Subscribe),
        4 => Just(Step::Ready),
        1 => Just(Step::Finish),
        2 => Just(Step::GetTrailers),
        1 => Just(Step::Release),
        1 => Just(Step::Drop),
    ]
}

/// Any steps, half of them from where a body is read.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let start = prop_oneof![
        Just(vec![]),
        Just(vec![
            Step::Response(1, 200),
            Step::Get,
            Step::Consume,
            Step::TakeStream
        ]),
    ];
    let steps = prop::collection::vec(step(), 0..30);
    (start, steps).prop_map(|(start, steps)| [start, steps].concat())
}

/// What the component holds of the exchange.
#[derive(Default)]
struct Component {
    future: Option<FutureIncomingResponse>,
    response: Option<IncomingResponse>,
    body: Option<IncomingBody>,
    stream: Option<InputStream>,
    trailers: Option<FutureTrailers>,
    pollables: Vec<Pollable>,
}

impl Component {
    fn holds_exchange(&self) -> bool {
        let has_body = self.body.is_some() || self.stream.is_some();
        has_body || self.future.is_some() || self.response.is_some() || self.trailers.is_some()
    }
}

/// What is true of the exchange.
#[derive(Default)]
struct Model {
    /// The status of the answer, which is that of the first head.
    status: Option<u16>,
    /// The outstanding `read`.
    asked: Option<u64>,
    was_read: bool,
    /// Bytes of the body that have come, and how many of them were read or thrown away.
    delivered: Vec<u8>,
    read: usize,
    failed: bool,
    /// The host has said its last word, or keeps the body.
    over: bool,
    aborted: bool,
}

impl Model {
    fn is_heard(&self) -> bool {
        !self.over && !self.failed && !self.aborted
    }

    fn event(&mut self, step: &Step) {
        match step {
            Step::Response(1, status) if self.is_heard() => {
                self.status.get_or_insert(*status);
            }
            Step::Data(1, bytes, end) if self.is_heard() => match self.asked.take() {
                Some(asked) if bytes.len() as u64 <= asked => {
                    self.delivered.extend(bytes);
                    self.over = *end;
                }
                _ => self.failed = true,
            },
            Step::Failure(1) if !self.over && !self.aborted => {
                self.failed = true;
                self.over = true;
            }
            _ => {}
        }
    }

    fn command(&mut self, command: &Command) {
        match command {
            Command::Read(1, max) => {
                assert!(self.asked.is_none(), "asked twice");
                assert!(
                    self.is_heard() && self.status.is_some(),
                    "asked for nothing"
                );
                assert!((1..=MAX_READ_BYTES).contains(max));
                assert_eq!(self.read, self.delivered.len(), "asked with bytes in hand");
                self.asked = Some(*max);
                self.was_read = true;
            }
            Command::Abort(1) => {
                assert!(!self.over && !self.aborted, "aborted after its end");
                self.aborted = true;
            }
            other => panic!("unexpected {other:?}"),
        }
    }

    fn check_read(&mut self, result: &Result<Vec<u8>, StreamError>, max: u64, closed: &mut bool) {
        match result {
            Ok(bytes) => {
                assert!(!*closed && bytes.len() as u64 <= max);
                let expected = &self.delivered[self.read..];
                assert_eq!(bytes[..], expected[..bytes.len()]);
                let nothing_came = expected.is_empty() && !self.over && !self.failed;
                assert!(!bytes.is_empty() || max == 0 || nothing_came);
                self.read += bytes.len();
            }
            Err(error) => {
                assert_eq!(self.read, self.delivered.len(), "bytes are lost");
                let is_failure = matches!(error, StreamError::Failed(IoError::Http(_)));
                assert_eq!(is_failure, self.failed && !*closed);
                assert!(*closed || self.failed || self.over);
                *closed = true;
            }
        }
    }
}

/// Runs the steps; what can be seen from outside, as a text.
fn run(steps: &[Step]) -> String {
    let instance = unblocked();
    let mut model = Model::default();
    let mut transcript = String::new();
    let future = handle(instance, request(&[]), None).unwrap();
    let mut component = Component {
        future: Some(future),
        ..Component::default()
    };
    let mut closed = false;
    transcript += &instance.exchanges.drain();
    for step in steps {
        let seen = perform(instance, &mut component, step, &mut model, &mut closed);
        let queued = instance.exchanges.drain();
        for command in read_commands(&queued, 7) {
            model.command(&command);
        }
        assert!(component.holds_exchange() || model.over || model.aborted);
        transcript += &[&queued, "|", &seen, "\n"].concat();
    }
    // What is left is dropped in an order in which nothing traps.
    component.stream = None;
    component = Component::default();
    assert!(!component.holds_exchange());
    let queued = instance.exchanges.drain();
    for command in read_commands(&queued, 7) {
        model.command(&command);
    }
    assert!(
        model.over != model.aborted,
        "neither ended nor aborted, or both"
    );
    assert_eq!(instance.exchanges.count(), 0);
    transcript + &queued
}

/// One step; what it shows the component.
fn perform(
    instance: &'static Instance,
    component: &mut Component,
    step: &Step,
    model: &mut Model,
    closed: &mut bool,
) -> String {
    let deliver = |event: String| deliver(instance, &event).unwrap();
    match step {
        Step::Response(id, status) => {
            deliver(format!("response\0{id}\0{status}\x001\0a\0\u{e9}\0"));
        }
        Step::Data(id, bytes, end) => {
            let bytes = ron_abi::to_latin1(bytes);
            deliver(format!("data\0{id}\0{}\0{bytes}", u8::from(*end)));
        }
        Step::Failure(id) => deliver(format!("failure\0{id}\0connection-terminated\0\0")),
        Step::Tick => deliver("tick\0".to_owned()),
        Step::Get => {
            let Some(future) = &component.future else {
                return String::new();
            };
            let got = future.get();
            match got {
                None => assert!(model.status.is_none() && !model.failed),
                Some(Err(_)) => {}
                Some(Ok(Ok(response))) => {
                    assert_eq!(model.status, Some(response.status()));
                    let value = vec![0xe9];
                    assert_eq!(response.headers().entries(), [("a".to_owned(), value)]);
                    component.response = Some(response);
                }
                Some(Ok(Err(failure))) => {
                    assert!(model.status.is_none() && model.failed);
                    return failure.describe();
                }
            }
        }
        Step::Consume => {
            if let Some(body) = component
                .response
                .as_ref()
                .and_then(IncomingResponse::consume)
            {
                component.body = Some(body);
            }
        }
        Step::TakeStream => {
            if let Some(stream) = component.body.as_ref().and_then(IncomingBody::stream) {
                component.stream = Some(stream);
            }
        }
        Step::Read(max) => {
            if let Some(stream) = &component.stream {
                let result = stream.read(*max);
                model.check_read(&result, *max, closed);
                return format!("{result:?}");
            }
        }
        Step::Skip(max) => {
            if let Some(stream) = &component.stream {
                let result = stream.skip(*max);
                let shown = format!("{result:?}");
                let skipped = |size| model.delivered[model.read..][..size as usize].to_vec();
                let result = result.map(skipped);
                model.check_read(&result, *max, closed);
                return shown;
            }
        }
        Step::Subscribe => {
            let future = component.future.as_ref().map(|future| future.subscribe());
            let stream = component.stream.as_ref().map(|stream| stream.subscribe());
            let trailers = component.trailers.as_ref();
            let trailers = trailers.map(|trailers| trailers.subscribe());
            component
                .pollables
                .extend([future, stream, trailers].into_iter().flatten());
        }
        Step::Ready => {
            let ready = component.pollables.iter().map(|one| one.is_ready(instance));
            let ready: Vec<bool> = ready.collect();
            if component
                .pollables
                .iter()
                .any(|one| matches!(one, Pollable::End(_)))
                && component.trailers.is_some()
            {
                model.read = model.delivered.len();
            }
            return format!("{ready:?}");
        }
        Step::Finish => {
            component.stream = None;
            component.trailers = component.body.take().map(IncomingBody::finish);
        }
        Step::GetTrailers => {
            if let Some(trailers) = &component.trailers {
                let got = trailers.get();
                model.read = model.delivered.len();
                match &got {
                    None => assert!(!model.over && !model.failed),
                    Some(Ok(end)) => assert_eq!(end.is_err(), model.failed),
                    Some(Err(_)) => {}
                }
                return format!("{got:?}");
            }
        }
        Step::Release => {
            if let Some(stream) = component.stream.take() {
                let released = stream.release();
                let whole = model.is_heard() && !model.was_read;
                assert_eq!(released, whole.then_some(1));
                model.over |= whole;
            }
        }
        Step::Drop => {
            let Component {
                future,
                response,
                body,
                stream,
                trailers,
                pollables,
            } = component;
            if trailers.take().is_none()
                && stream.take().is_none()
                && body.take().is_none()
                && response.take().is_none()
                && future.take().is_none()
            {
                pollables.clear();
            }
        }
    }
    model.event(step);
    String::new()
}

proptest! {
    #[test]
    fn bytes_come_in_order_the_host_is_asked_once_and_the_end_is_told_once(
        steps in steps()
    ) {
        // And the same inputs give the same outputs.
        prop_assert_eq!(run(&steps), run(&steps));
    }

    #[test]
    fn any_event_is_taken_or_refused(
        kind in "(response|data|failure|tick|start)?",
        fields in prop::collection::vec("(1|0|200|\\PC{0,3})", 0..6),
    ) {
        let instance = unblocked();
        let _future = handle(instance, request(&[]), None).unwrap();
        let event: String = [kind].into_iter().chain(fields).map(|field| field + "\0").collect();
        let _ = deliver(instance, &event);
    }
}

/// A future whose request was sent, and its commands out of the way.
fn sent(instance: &'static Instance) -> FutureIncomingResponse {
    let future = handle(instance, request(&[]), None).unwrap();
    instance.exchanges.drain();
    future
}

fn answered(instance: &'static Instance) -> IncomingBody {
    let future = sent(instance);
    deliver(instance, "response\x001\x00500\x000\x00").unwrap();
    future.get().unwrap().unwrap().unwrap().consume().unwrap()
}

fn queued(instance: &Instance) -> Vec<Command> {
    read_commands(&instance.exchanges.drain(), 7)
}

#[test]
fn a_request_is_sent_as_it_was_made() {
    let instance = unblocked();
    let made = request(&[("Accept", "*/*"), ("content-length", "0")]);
    assert_eq!(made.set_method(Method::Other("PURGE".to_owned())), Ok(()));
    assert_eq!(made.set_scheme(Some(Scheme::Http)), Ok(()));
    assert_eq!(made.headers().get("ACCEPT"), [b"*/*"]);
    let options = RequestOptions::default();
    options.connect.set(Some(1));
    options.between_bytes.set(Some(3));
    let _future = handle(instance, made, Some(options)).unwrap();
    let [Command::Send(1, sent)] = &queued(instance)[..] else {
        panic!("not sent");
    };
    assert_eq!((&*sent.method, &*sent.url), ("PURGE", "http://h/x"));
    assert_eq!(sent.timeouts, [Some(1), None, Some(3)]);
    assert_eq!(sent.headers, [("Accept".to_owned(), "*/*".to_owned())]);
    assert_eq!(sent.body, None);
}

#[test]
fn the_url_is_the_parts_of_the_request_with_a_root_where_the_path_is_empty() {
    for (path, url) in [
        (None, "https://h/"),
        (Some(""), "https://h/"),
        (Some("?q=1"), "https://h/?q=1"),
        (Some("/a%2Fb?%"), "https://h/a%2Fb?%"),
    ] {
        let instance = unblocked();
        let made = request(&[]);
        made.set_path_with_query(path.map(str::to_owned)).unwrap();
        let _future = handle(instance, made, None).unwrap();
        let [Command::Send(1, sent)] = &queued(instance)[..] else {
            panic!("not sent");
        };
        assert_eq!((&*sent.url, &sent.body), (url, &None));
    }
}

#[test]
fn malformed_parts_of_a_request_are_refused_and_change_nothing() {
    let made = request(&[]);
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        made.set_method(Method::Other("A B".to_owned())),
        Err(Invalid)
    );
    assert_eq!(
        made.set_scheme(Some(Scheme::Other("a:".to_owned()))),
        Err(Invalid)
    );
    assert_eq!(made.set_authority(text("h/evil")), Err(Invalid));
    assert_eq!(made.set_path_with_query(text("@evil/x")), Err(Invalid));
    assert_eq!(*made.authority.borrow(), text("h"));
    assert_eq!(*made.path_with_query.borrow(), text("/x"));
    assert_eq!(
        made.set_scheme(Some(Scheme::Other("ftp".to_owned()))),
        Ok(())
    );
}

#[test]
fn a_request_that_must_not_be_sent_is_refused_by_the_handler_and_leaves_nothing() {
    type Spoil = fn(&OutgoingRequest);
    let cases: [(&str, Spoil); 7] = [
        ("HTTP-request-URI-invalid", |made| {
            made.set_authority(None).unwrap();
        }),
        ("HTTP-request-URI-invalid", |made| {
            made.set_authority(Some("user@h".to_owned())).unwrap();
        }),
        ("HTTP-request-URI-invalid", |made| {
            made.set_scheme(Some(Scheme::Other("ftp".to_owned())))
                .unwrap();
        }),
        ("HTTP-request-URI-too-long", |made| {
            let path = "/".repeat(MAX_URL_BYTES);
            made.set_path_with_query(Some(path)).unwrap();
        }),
        ("HTTP-request-method-invalid", |made| {
            made.set_method(Method::Connect).unwrap();
        }),
        ("HTTP-request-method-invalid", |made| {
            made.set_method(Method::Other("CONNECT".to_owned()))
                .unwrap();
        }),
        ("", |_| {}),
    ];
    for (code, spoil) in cases {
        let instance = unblocked();
        let made = request(&[]);
        spoil(&made);
        let refused = handle(instance, made, None).err();
        assert_eq!(refused.map_or(String::new(), |failure| failure.code), code);
        assert_eq!(queued(instance).is_empty(), !code.is_empty());
    }
    let sections: [(&str, Vec<Field>); 5] = [
        (
            "HTTP-request-body-size 0",
            vec![("Content-Length".to_owned(), b"5".to_vec())],
        ),
        (
            "HTTP-protocol-error",
            vec![("Content-Length".to_owned(), b"+0".to_vec())],
        ),
        (
            "HTTP-protocol-error",
            vec![
                ("Content-Length".to_owned(), b"0".to_vec()),
                ("content-length".to_owned(), b"1".to_vec()),
            ],
        ),
        (
            "HTTP-protocol-error",
            vec![("a".to_owned(), b"b\r\nc: d".to_vec())],
        ),
        (
            "HTTP-request-header-section-size 262177",
            vec![("a".to_owned(), vec![b'b'; MAX_HEADER_SECTION_BYTES])],
        ),
    ];
    for (refusal, section) in sections {
        let instance = unblocked();
        // A copy of an answer's section may hold anything.
        let made = OutgoingRequest::new(Fields::received(section).copy());
        made.set_authority(Some("h".to_owned())).unwrap();
        let refused = handle(instance, made, None).err().unwrap();
        assert_eq!(refused.describe(), refusal);
        assert!(queued(instance).is_empty());
        assert_eq!(instance.exchanges.count(), 0);
    }
}

#[test]
fn a_pollable_asks_ahead_once_and_reads_are_bounded() {
    let instance = unblocked();
    let body = answered(instance);
    let stream = body.stream().unwrap();
    let (one, other) = (stream.subscribe(), stream.subscribe());
    assert!(queued(instance).is_empty());
    assert!(!one.is_ready(instance) && !other.is_ready(instance) && !one.is_ready(instance));
    assert_eq!(queued(instance), [Command::Read(1, READ_AHEAD_BYTES)]);
    deliver(instance, "data\x001\x000\x00abc").unwrap();
    assert!(one.is_ready(instance));
    assert_eq!(stream.read(u64::MAX), Ok(b"abc".to_vec()));
    assert_eq!(stream.read(u64::MAX), Ok(Vec::new()));
    assert_eq!(queued(instance), [Command::Read(1, MAX_READ_BYTES)]);
}

#[test]
fn a_pollable_whose_source_is_gone_is_ready_and_holds_nothing() {
    let instance = unblocked();
    let future = sent(instance);
    let pollable = future.subscribe();
    assert!(!pollable.is_ready(instance));
    drop(future);
    assert_eq!(queued(instance), [Command::Abort(1)]);
    assert!(pollable.is_ready(instance));
}

#[test]
fn a_header_section_beyond_the_limit_fails_the_exchange_and_is_not_kept() {
    let instance = unblocked();
    let future = sent(instance);
    let value = "v".repeat(MAX_HEADER_SECTION_BYTES);
    deliver(
        instance,
        &format!("response\x001\x00200\x001\0n\0{value}\0"),
    )
    .unwrap();
    let Some(Ok(Err(failure))) = future.get() else {
        panic!("taken");
    };
    assert_eq!(
        failure.describe(),
        "HTTP-response-header-section-size 262177"
    );
    assert_eq!(queued(instance), [Command::Abort(1)]);
}

#[test]
fn the_end_of_a_body_is_waited_for_without_keeping_its_bytes() {
    let instance = unblocked();
    let trailers = answered(instance).finish();
    let pollable = trailers.subscribe();
    assert!(trailers.get().is_none() && !pollable.is_ready(instance));
    assert_eq!(queued(instance), [Command::Read(1, READ_AHEAD_BYTES)]);
    deliver(instance, "data\x001\x000\x00abc").unwrap();
    assert!(!pollable.is_ready(instance));
    deliver(instance, "data\x001\x001\x00def").unwrap();
    assert!(pollable.is_ready(instance));
    assert_eq!(trailers.get(), Some(Ok(Ok(()))));
    assert!(matches!(trailers.get(), Some(Err(_))));
    assert_eq!(queued(instance), [Command::Read(1, READ_AHEAD_BYTES)]);
}

#[test]
fn the_end_of_a_broken_body_tells_why() {
    let instance = unblocked();
    let trailers = answered(instance).finish();
    assert!(trailers.get().is_none());
    deliver(instance, "failure\x001\x00HTTP-response-incomplete\x00\x00").unwrap();
    let failure = Failure::new("HTTP-response-incomplete");
    assert_eq!(trailers.get(), Some(Ok(Err(failure))));
}

#[test]
#[should_panic(expected = "outlives")]
fn finishing_an_incoming_body_before_its_stream_is_dropped_traps() {
    let instance = unblocked();
    let body = answered(instance);
    let _stream = body.stream();
    body.finish();
}

#[test]
fn a_held_body_can_be_spliced_but_not_read() {
    let stream = InputStream::held(3);
    assert_eq!(stream.read(0), Ok(Vec::new()));
    assert_eq!(stream.segment(2, 0), Ok(Segment::Held(2)));
    let unsupported = stream.read(1).unwrap_err();
    assert!(matches!(
        unsupported,
        StreamError::Failed(IoError::Unsupported(_))
    ));
    assert_eq!(stream.read(1), Err(StreamError::Closed));
    assert_eq!(stream.segment(1, 9), Err(StreamError::Closed));
    assert_eq!(stream.release(), None);
}

#[test]
fn malformed_events_are_refused_and_change_nothing() {
    let instance = unblocked();
    let future = sent(instance);
    for bad in [
        "",
        "nonsense\0",
        "response\0",
        "response\x001\x0070000\x000\x00",
        "response\x001\x00200\x001\x00a\0",
        "response\x001\x00200\x009223372036854775808\x00",
        "data\x001\x002\x00x",
        "data\x001\x000\x00€",
        "failure\x001\x00\x00\x00",
        "tick\x00x\x00",
        "start\x00x\x00",
    ] {
        assert!(deliver(instance, bad).is_err(), "{bad:?}");
    }
    assert!(future.get().is_none());
}
