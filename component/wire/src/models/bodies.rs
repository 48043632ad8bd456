//! Bodies of requests: the model is the bytes written so far, what is declared, and who is left.

use proptest::prelude::*;

use super::{Command, commands, request, unblocked};
use crate::commands::Segment;
use crate::defaults::{MAX_BLOCKING_WRITE_BYTES, MAX_WRITTEN_BYTES, WRITE_PERMIT_BYTES};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::input_stream::InputStream;
use crate::outgoing::handle;
use crate::stream_error::StreamError;

#[derive(Debug, Clone)]
enum Operation {
    CheckWrite,
    Write(Vec<u8>),
    WriteZeroes(u64),
    BlockingWrite(Vec<u8>),
    Flush,
    /// From a body of so many bytes that the host holds, up to so many.
    Splice(u64, u64),
    Handle,
    DropRequest,
    DropFuture,
    DropStream,
    Finish,
    DropBody,
}

fn operation() -> impl Strategy<Value = Operation> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..6);
    prop_oneof![
        4 => Just(Operation::CheckWrite),
        6 => bytes().prop_map(Operation::Write),
        2 => (0..4u64).prop_map(Operation::WriteZeroes),
        2 => bytes().prop_map(Operation::BlockingWrite),
        1 => Just(Operation::Flush),
        3 => (0..4u64, 0..4u64).prop_map(|(length, max)| Operation::Splice(length, max)),
        2 => Just(Operation::Handle),
        1 => Just(Operation::DropRequest),
        1 => Just(Operation::DropFuture),
        1 => Just(Operation::DropStream),
        2 => Just(Operation::Finish),
        1 => Just(Operation::DropBody),
    ]
}

#[derive(Debug, Clone, PartialEq)]
enum Stage {
    Open,
    Finished,
    Failed(Failure),
    Abandoned,
}

struct Model {
    declared: Option<u64>,
    content: Vec<Option<u8>>,
    permit: u64,
    stage: Stage,
    handled: bool,
    has_future: bool,
    is_sent: bool,
}

impl Model {
    /// Whether a write of this size would trap.
    fn traps(&self, size: usize) -> bool {
        self.stage == Stage::Open && size as u64 > self.permit
    }

    fn push(&mut self, more: Vec<Option<u8>>) -> Result<(), StreamError> {
        self.permit = 0;
        let length = (self.content.len() + more.len()) as u64;
        if self.stage != Stage::Open {
            return Err(StreamError::Closed);
        }
        if self.declared.is_some_and(|declared| length > declared) {
            let failure = Failure::sized("HTTP-request-body-size", length);
            self.stage = Stage::Failed(failure.clone());
            return Err(failure.into());
        }
        self.content.extend(more);
        Ok(())
    }

    fn check(&mut self) -> Result<u64, StreamError> {
        if self.stage != Stage::Open {
            return Err(StreamError::Closed);
        }
        self.permit = WRITE_PERMIT_BYTES;
        Ok(self.permit)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        if self.stage == Stage::Open {
            let length = self.content.len() as u64;
            self.stage = if self.declared.is_some_and(|declared| declared != length) {
                Stage::Failed(Failure::sized("HTTP-request-body-size", length))
            } else {
                Stage::Finished
            };
            self.is_sent = self.stage == Stage::Finished && self.handled;
        }
        match &self.stage {
            Stage::Failed(failure) => Err(failure.clone()),
            _ => Ok(()),
        }
    }

    fn handle(&mut self) -> Result<(), Failure> {
        if let Stage::Failed(failure) = &self.stage {
            return Err(failure.clone());
        }
        self.handled = true;
        self.has_future = true;
        self.is_sent = self.stage == Stage::Finished;
        Ok(())
    }

    fn abandon(&mut self) {
        if self.stage == Stage::Open {
            self.stage = Stage::Abandoned;
        }
    }
}

fn plain(bytes: &[u8]) -> Vec<Option<u8>> {
    bytes.iter().copied().map(Some).collect()
}

proptest! {
    #[test]
    fn a_request_is_sent_once_with_what_was_written_or_fails_and_says_why(
        declared in prop_oneof![2 => Just(None), 1 => (0..9u64).prop_map(Some)],
        operations in prop::collection::vec(operation(), 0..14),
    ) {
        let instance = unblocked();
        let length = declared.map(|declared| declared.to_string());
        let headers: Vec<_> = length.iter().map(|length| ("Content-Length", &**length)).collect();
        let made = request(&headers);
        let mut body = made.body();
        prop_assert!(body.is_some() && made.body().is_none());
        let mut made = Some(made);
        let mut stream = body.as_ref().unwrap().write();
        prop_assert!(stream.is_some() && body.as_ref().unwrap().write().is_none());
        let mut future = None;
        let mut model = Model {
            declared,
            content: Vec::new(),
            permit: 0,
            stage: Stage::Open,
            handled: false,
            has_future: false,
            is_sent: false,
        };
        for operation in operations {
            match (operation, &stream) {
                (Operation::CheckWrite, Some(stream)) => {
                    prop_assert_eq!(stream.check_write(), model.check());
                    prop_assert!(stream.subscribe().is_ready(instance));
                }
                (Operation::Write(bytes), Some(stream)) if !model.traps(bytes.len()) => {
                    prop_assert_eq!(stream.write(bytes.clone()), model.push(plain(&bytes)));
                }
                (Operation::WriteZeroes(size), Some(stream)) if !model.traps(size as usize) => {
                    prop_assert_eq!(
                        stream.write_zeroes(size),
                        model.push(vec![Some(0); size as usize])
                    );
                }
                (Operation::BlockingWrite(bytes), Some(stream)) => {
                    let permitted = stream.check_blocking_write(bytes.len() as u64);
                    prop_assert_eq!(&permitted, &model.check().map(drop));
                    if permitted.is_ok() {
                        prop_assert_eq!(stream.write(bytes.clone()), model.push(plain(&bytes)));
                    }
                }
                (Operation::Flush, Some(stream)) => {
                    let open = model.stage == Stage::Open;
                    prop_assert_eq!(stream.flush().is_ok(), open);
                }
                (Operation::Splice(length, max), Some(stream)) => {
                    let source = InputStream::held(length);
                    let expected = model.check().and_then(|_| {
                        if length == 0 {
                            model.permit = 0;
                            return Err(StreamError::Closed);
                        }
                        let moved = length.min(max);
                        model.push(vec![None; moved as usize]).map(|()| moved)
                    });
                    prop_assert_eq!(stream.splice(&source, max), expected);
                }
                (Operation::Handle, _) if made.is_some() => {
                    let result = handle(instance, made.take().unwrap(), None);
                    prop_assert_eq!(result.as_ref().map(drop).map_err(Clone::clone), model.handle());
                    future = result.ok();
                }
                (Operation::DropRequest, _) if made.take().is_some() => model.abandon(),
                (Operation::DropFuture, _) if future.take().is_some() => {
                    model.has_future = false;
                    model.abandon();
                }
                (Operation::DropStream, _) => stream = None,
                (Operation::Finish, _) if body.is_some() => {
                    stream = None;
                    prop_assert_eq!(body.take().unwrap().finish(None), model.finish());
                }
                (Operation::DropBody, _) if body.is_some() => {
                    stream = None;
                    body = None;
                    if model.stage == Stage::Open {
                        model.stage = Stage::Failed(Failure::internal(
                            "the request body was dropped before it was finished",
                        ));
                    }
                }
                _ => {}
            }
            // A failure of the body is the answer's too; else there is none yet.
            if let Some(future) = &future {
                let failed = matches!(&model.stage, Stage::Failed(_));
                prop_assert_eq!(future.subscribe().is_ready(instance), failed);
            }
        }
        if let (Some(future), Stage::Failed(failure)) = (&future, &model.stage) {
            let Some(Ok(Err(told))) = future.get() else {
                return Err(TestCaseError::fail("the future does not tell the failure"));
            };
            prop_assert_eq!(&told, failure);
            prop_assert!(matches!(future.get(), Some(Err(_))));
        }
        drop((stream, body, future, made));
        let mut queued = commands(instance).into_iter();
        if model.is_sent {
            let Some(Command::Send(1, sent)) = queued.next() else {
                return Err(TestCaseError::fail("not sent"));
            };
            prop_assert_eq!(sent.bytes(), model.content);
            prop_assert!(sent.headers.is_empty());
            prop_assert_eq!(queued.next(), Some(Command::Abort(1)));
        }
        prop_assert_eq!(queued.next(), None);
        prop_assert_eq!(instance.exchanges.count(), 0);
    }
}

#[test]
fn neighbouring_pieces_of_a_kind_become_one_segment() {
    let instance = unblocked();
    let request = request(&[]);
    let body = request.body().unwrap();
    let stream = body.write().unwrap();
    for piece in [b"ab", b"cd"] {
        stream.check_write().unwrap();
        stream.write(piece.to_vec()).unwrap();
    }
    let held = InputStream::held(5);
    assert_eq!(stream.splice(&held, 2), Ok(2));
    assert_eq!(stream.splice(&held, 9), Ok(3));
    drop(stream);
    body.finish(None).unwrap();
    let _future = handle(instance, request, None).unwrap();
    let Some(Command::Send(1, sent)) = commands(instance).pop() else {
        panic!("not sent");
    };
    let expected = vec![Segment::Bytes(b"abcd".to_vec()), Segment::Held(5)];
    assert_eq!(sent.body, Some(expected));
}

#[test]
fn a_held_body_starts_over_after_its_end_wherever_a_sending_stopped() {
    let instance = unblocked();
    let held = InputStream::held(5);
    for left_unread in [0, 2, 5, 0] {
        let request = request(&[("content-length", "5")]);
        let body = request.body().unwrap();
        let stream = body.write().unwrap();
        assert_eq!(stream.splice(&held, 5 - left_unread), Ok(5 - left_unread));
        assert_eq!(held.skip(left_unread), Ok(left_unread));
        drop(stream);
        assert_eq!(body.finish(None).is_ok(), left_unread == 0);
        let _ = handle(instance, request, None);
    }
    assert!(held.read(1).is_err());
    assert_eq!(held.skip(1), Err(StreamError::Closed));
    assert_eq!(InputStream::held(0).skip(1), Err(StreamError::Closed));
}

#[test]
fn a_body_beyond_what_is_kept_fails_and_its_memory_is_given_back() {
    let instance = unblocked();
    let request = request(&[]);
    let body = request.body().unwrap();
    let future = handle(instance, request, None).unwrap();
    let stream = body.write().unwrap();
    let mut written = 0;
    while written < MAX_WRITTEN_BYTES {
        let permit = stream.check_write().unwrap();
        stream.write_zeroes(permit).unwrap();
        written += permit;
    }
    // What the host holds costs nothing here.
    assert_eq!(
        stream.splice(&InputStream::held(1 << 40), 1 << 40),
        Ok(1 << 40)
    );
    let expected = Failure::sized("HTTP-request-body-size", written + (1 << 40) + 1);
    stream.check_write().unwrap();
    assert_eq!(stream.write(vec![0]), Err(expected.clone().into()));
    assert_eq!(stream.check_write(), Err(StreamError::Closed));
    assert_eq!(stream.flush(), Err(StreamError::Closed));
    drop(stream);
    assert_eq!(body.finish(None), Err(expected.clone()));
    assert!(matches!(future.get(), Some(Ok(Err(failure))) if failure == expected));
    assert!(commands(instance).is_empty());
}

#[test]
fn trailers_are_refused_unless_there_are_none() {
    let instance = unblocked();
    for (trailers, expected) in [(vec![], true), (vec![("a".to_owned(), vec![])], false)] {
        let request = request(&[]);
        let body = request.body().unwrap();
        let future = handle(instance, request, None).unwrap();
        let finished = body.finish(Some(Fields::from_list(trailers).unwrap()));
        assert_eq!(finished.is_ok(), expected);
        assert_eq!(future.get().is_none(), expected);
    }
}

#[test]
#[should_panic(expected = "beyond the permit")]
fn writing_without_a_permit_traps() {
    let body = request(&[]).body();
    // The request is gone, and with it the permit: closed is told before the trap.
    let stream = body.as_ref().unwrap().write().unwrap();
    assert_eq!(stream.write(vec![1]), Err(StreamError::Closed));
    let request = request(&[]);
    let body = request.body().unwrap();
    let _ = body.write().unwrap().write(vec![1]);
}

#[test]
#[should_panic(expected = "beyond the permit")]
fn a_permit_is_good_for_one_write() {
    let request = request(&[]);
    let body = request.body().unwrap();
    let stream = body.write().unwrap();
    stream.check_write().unwrap();
    stream.write(vec![1]).unwrap();
    let _ = stream.write(vec![1]);
}

#[test]
#[should_panic(expected = "more than 4096 bytes")]
fn a_blocking_write_beyond_its_size_traps() {
    let request = request(&[]);
    let body = request.body().unwrap();
    let stream = body.write().unwrap();
    stream
        .check_blocking_write(MAX_BLOCKING_WRITE_BYTES)
        .unwrap();
    let _ = stream.check_blocking_write(MAX_BLOCKING_WRITE_BYTES + 1);
}

#[test]
#[should_panic(expected = "outlives")]
fn finishing_a_body_before_its_stream_is_dropped_traps() {
    let request = request(&[]);
    let body = request.body().unwrap();
    let _stream = body.write();
    let _ = body.finish(None);
}

#[test]
#[should_panic(expected = "outlives")]
fn dropping_a_body_before_its_stream_traps() {
    let request = request(&[]);
    let body = request.body().unwrap();
    let _stream = body.write();
    drop(body);
}
