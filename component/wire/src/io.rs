//! `wasi:io`: pollables and streams over exchanges.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::Wire;
use crate::commands::Segment;
use crate::exchange::{Chunk, Exchange, Failure};
use crate::state;
use crate::wait::wait;
use crate::wit::exports::wasi::io::{error, poll, streams};

/// How many bytes a component may write at a time.
const WRITE_PERMIT: u64 = 64 * 1024;

/// Something to wait for.
pub enum Pollable {
    /// Nothing: ready at once.
    Ready,
    /// A point on the monotonic clock.
    At(u64),
    /// The head of an answer.
    Head(Rc<Exchange>),
    /// Bytes of a body, or its end.
    Body(Rc<Exchange>),
}

impl Pollable {
    fn is_ready(&self) -> bool {
        match self {
            Self::Ready => true,
            Self::At(when) => state::with(|state| state.monotonic.get()) >= *when,
            Self::Head(exchange) => exchange.has_head(),
            Self::Body(exchange) => exchange.has_chunk(),
        }
    }

    fn timer(&self) -> Option<u64> {
        match self {
            Self::At(when) => Some(*when),
            _ => None,
        }
    }
}

impl poll::Guest for Wire {
    type Pollable = Pollable;

    fn poll(pollables: Vec<poll::PollableBorrow<'_>>) -> Vec<u32> {
        assert!(!pollables.is_empty(), "wasi:io/poll: the list is empty");
        loop {
            let ready: Vec<u32> = (0u32..)
                .zip(&pollables)
                .filter(|(_, pollable)| pollable.get::<Pollable>().is_ready())
                .map(|(index, _)| index)
                .collect();
            if !ready.is_empty() {
                return ready;
            }
            wait(
                pollables
                    .iter()
                    .filter_map(|pollable| pollable.get::<Pollable>().timer())
                    .min(),
            );
        }
    }
}

impl poll::GuestPollable for Pollable {
    fn ready(&self) -> bool {
        self.is_ready()
    }

    fn block(&self) {
        while !self.is_ready() {
            wait(self.timer());
        }
    }
}

/// Why a stream operation failed.
pub struct IoError(pub Failure);

impl error::Guest for Wire {
    type Error = IoError;
}

impl error::GuestError for IoError {
    fn to_debug_string(&self) -> String {
        [self.0.code.as_str(), self.0.detail.as_str()].join(" ")
    }
}

impl IoError {
    fn of(failure: Failure) -> streams::StreamError {
        streams::StreamError::LastOperationFailed(error::Error::new(Self(failure)))
    }

    fn because(detail: &str) -> streams::StreamError {
        Self::of(Failure {
            code: "internal-error".to_owned(),
            detail: detail.to_owned(),
        })
    }
}

impl streams::Guest for Wire {
    type InputStream = InputStream;
    type OutputStream = OutputStream;
}

/// Where bytes come from.
pub enum InputStream {
    /// The body of an answer.
    Answer(Rc<Exchange>),
    /// A request body that the host holds: how many bytes are left. It can be spliced, not read.
    Held(Cell<u64>),
}

impl InputStream {
    /// A stream for a request body of this size that the host holds.
    pub fn held(length: u64) -> Self {
        Self::Held(Cell::new(length))
    }

    fn take(&self, max: u64) -> Result<Vec<u8>, streams::StreamError> {
        match self {
            Self::Answer(exchange) => match exchange.read(max) {
                Chunk::Bytes(bytes) => Ok(bytes),
                Chunk::Pending => Ok(Vec::new()),
                Chunk::End => Err(streams::StreamError::Closed),
                Chunk::Failed(failure) => Err(IoError::of(failure)),
            },
            Self::Held(left) if left.get() == 0 => Err(streams::StreamError::Closed),
            Self::Held(_) => Err(IoError::because(
                "a body that the host holds can be spliced, not read",
            )),
        }
    }

    fn pollable(&self) -> Pollable {
        match self {
            Self::Answer(exchange) => Pollable::Body(exchange.clone()),
            Self::Held(_) => Pollable::Ready,
        }
    }

    fn block(&self) {
        poll::GuestPollable::block(&self.pollable());
    }
}

impl streams::GuestInputStream for InputStream {
    fn read(&self, len: u64) -> Result<Vec<u8>, streams::StreamError> {
        self.take(len)
    }

    fn blocking_read(&self, len: u64) -> Result<Vec<u8>, streams::StreamError> {
        self.block();
        self.take(len)
    }

    fn skip(&self, len: u64) -> Result<u64, streams::StreamError> {
        self.take(len).map(|bytes| bytes.len() as u64)
    }

    fn blocking_skip(&self, len: u64) -> Result<u64, streams::StreamError> {
        self.block();
        self.skip(len)
    }

    fn subscribe(&self) -> streams::Pollable {
        streams::Pollable::new(self.pollable())
    }
}

/// The content of an outgoing body, shared by the body and its stream.
#[derive(Default)]
pub struct Content {
    /// What was written.
    pub segments: RefCell<Vec<Segment>>,
    /// Whether the stream may still write.
    pub closed: Cell<bool>,
}

impl Content {
    fn push(&self, segment: Segment) -> Result<(), streams::StreamError> {
        if self.closed.get() {
            return Err(streams::StreamError::Closed);
        }
        let mut segments = self.segments.borrow_mut();
        match (segments.last_mut(), segment) {
            (_, segment) if segment.len() == 0 => {}
            (Some(Segment::Held(total)), Segment::Held(more)) => *total += more,
            (Some(Segment::Bytes(all)), Segment::Bytes(more)) => all.extend(more),
            (_, segment) => segments.push(segment),
        }
        Ok(())
    }

    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        self.segments.borrow().iter().map(Segment::len).sum()
    }
}

/// Where bytes go.
pub struct OutputStream(pub Rc<Content>);

impl streams::GuestOutputStream for OutputStream {
    fn check_write(&self) -> Result<u64, streams::StreamError> {
        if self.0.closed.get() {
            return Err(streams::StreamError::Closed);
        }
        Ok(WRITE_PERMIT)
    }

    fn write(&self, contents: Vec<u8>) -> Result<(), streams::StreamError> {
        assert!(
            contents.len() as u64 <= WRITE_PERMIT,
            "wasi:io/streams: write beyond the permit of check-write"
        );
        self.0.push(Segment::Bytes(contents))
    }

    fn blocking_write_and_flush(&self, contents: Vec<u8>) -> Result<(), streams::StreamError> {
        self.write(contents)
    }

    fn flush(&self) -> Result<(), streams::StreamError> {
        self.check_write().map(|_| ())
    }

    fn blocking_flush(&self) -> Result<(), streams::StreamError> {
        self.flush()
    }

    fn subscribe(&self) -> streams::Pollable {
        streams::Pollable::new(Pollable::Ready)
    }

    fn write_zeroes(&self, len: u64) -> Result<(), streams::StreamError> {
        assert!(
            len <= WRITE_PERMIT,
            "wasi:io/streams: write beyond the permit of check-write"
        );
        self.0.push(Segment::Bytes(vec![0; len as usize]))
    }

    fn blocking_write_zeroes_and_flush(&self, len: u64) -> Result<(), streams::StreamError> {
        self.write_zeroes(len)
    }

    fn splice(
        &self,
        src: streams::InputStreamBorrow<'_>,
        len: u64,
    ) -> Result<u64, streams::StreamError> {
        let source = src.get::<InputStream>();
        if let InputStream::Held(left) = source {
            let taken = len.min(left.get());
            if taken == 0 && len > 0 {
                return Err(streams::StreamError::Closed);
            }
            self.0.push(Segment::Held(taken))?;
            left.set(left.get() - taken);
            return Ok(taken);
        }
        let bytes = source.take(len.min(self.check_write()?))?;
        let taken = bytes.len() as u64;
        self.write(bytes)?;
        Ok(taken)
    }

    fn blocking_splice(
        &self,
        src: streams::InputStreamBorrow<'_>,
        len: u64,
    ) -> Result<u64, streams::StreamError> {
        src.get::<InputStream>().block();
        self.splice(src, len)
    }
}
