//! Where bytes come from: `input-stream` of `wasi:io/streams`.

use std::cell::Cell;
use std::rc::Rc;

use crate::commands::Segment;
use crate::exchange::{Chunk, Exchange};
use crate::instance::Instance;
use crate::pollable::{Pollable, poll};
use crate::stream_error::{IoError, StreamError};

/// A stream of bytes.
pub struct InputStream {
    source: Source,
    /// Whether it has told its failure.
    closed: Cell<bool>,
}

enum Source {
    /// The body of an answer.
    Answer(Rc<Exchange>),
    /// A request body that the host holds. It can be spliced, not read, and starts over after its
    /// last byte, so that it can be sent again.
    Held(Held),
}

struct Held {
    length: u64,
    left: Cell<u64>,
}

impl Held {
    /// Up to `len` of the next bytes.
    fn take(&self, len: u64) -> u64 {
        if self.left.get() == 0 {
            self.left.set(self.length);
        }
        let taken = len.min(self.left.get());
        self.left.set(self.left.get() - taken);
        taken
    }
}

impl InputStream {
    /// The body of an answer.
    pub fn answer(exchange: Rc<Exchange>) -> Self {
        Self::of(Source::Answer(exchange))
    }

    /// A request body of this size that the host holds.
    pub fn held(length: u64) -> Self {
        Self::of(Source::Held(Held {
            length,
            left: Cell::new(length),
        }))
    }

    fn of(source: Source) -> Self {
        Self {
            source,
            closed: Cell::new(false),
        }
    }

    /// Up to `max` bytes: none if there are none yet.
    ///
    /// # Errors
    ///
    /// The body is at its end, or broken: that is told once.
    pub fn read(&self, max: u64) -> Result<Vec<u8>, StreamError> {
        if self.closed.get() {
            return Err(StreamError::Closed);
        }
        let error = match &self.source {
            Source::Answer(exchange) => match exchange.read(max) {
                Chunk::Bytes(bytes) => return Ok(bytes),
                Chunk::Pending => return Ok(Vec::new()),
                Chunk::End => StreamError::Closed,
                Chunk::Failed(failure) => failure.into(),
            },
            Source::Held(held) if held.length == 0 => StreamError::Closed,
            Source::Held(_) if max == 0 => return Ok(Vec::new()),
            Source::Held(_) => StreamError::Failed(IoError::Unsupported(
                "a body that the host holds can be spliced, not read",
            )),
        };
        self.closed.set(true);
        Err(error)
    }

    /// Like `read`, for bytes that nobody wants: how many there were.
    ///
    /// # Errors
    ///
    /// As for `read`.
    pub fn skip(&self, max: u64) -> Result<u64, StreamError> {
        match &self.source {
            Source::Held(held) if held.length > 0 && !self.closed.get() => Ok(held.take(max)),
            _ => self.read(max).map(|bytes| bytes.len() as u64),
        }
    }

    /// Up to `len` bytes for another stream, and of those that are copied no more than `permit`.
    ///
    /// # Errors
    ///
    /// As for `read`.
    pub fn segment(&self, len: u64, permit: u64) -> Result<Segment, StreamError> {
        match &self.source {
            Source::Held(held) if held.length > 0 && !self.closed.get() => {
                Ok(Segment::Held(held.take(len)))
            }
            _ => self.read(len.min(permit)).map(Segment::Bytes),
        }
    }

    /// Ready when `read` has bytes or an error.
    pub fn subscribe(&self) -> Pollable {
        match &self.source {
            Source::Answer(exchange) => Pollable::Body(Rc::downgrade(exchange)),
            Source::Held(_) => Pollable::Ready,
        }
    }

    /// Waits until `read` has bytes or an error.
    pub fn block(&self, instance: &Instance) {
        poll(instance, &[&self.subscribe()]);
    }

    /// Gives the body of an answer back to the host, unread: its exchange.
    pub fn release(self) -> Option<u64> {
        match self.source {
            Source::Answer(exchange) => exchange.release().then_some(exchange.id),
            Source::Held(_) => None,
        }
    }
}
