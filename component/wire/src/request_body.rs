//! The body of a request: written by a component in pieces, sent whole.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use crate::commands::{Segment, Send};
use crate::defaults::MAX_WRITTEN_BYTES;
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::stream_error::StreamError;

/// What was written of a body. The request is sent when it has been handled and its body finished,
/// in whichever order; what breaks the one breaks the other.
pub struct RequestBody {
    /// The length that the request's `Content-Length` gives.
    declared: Option<u64>,
    segments: RefCell<Vec<Segment>>,
    length: Cell<u64>,
    /// How many of the bytes are in this memory.
    written: Cell<u64>,
    stage: RefCell<Stage>,
    /// Whether its stream lives.
    /// Whether its stream lives.
    pub has_stream: Cell<bool>,
}

enum Stage {
    /// More may be written. The request may have been handled already.
    Open(Option<Handled>),
    /// All was written.
    Finished,
    /// The request will never be sent, and why.
    Failed(Failure),
    /// Nobody is left who wants it sent.
    Abandoned,
}

/// A request that waits for its body. The exchange belongs to whoever waits for the answer.
struct Handled {
    exchange: Weak<Exchange>,
    request: Send,
}

impl RequestBody {
    /// An empty body.
    pub fn new(declared: Option<u64>) -> Rc<Self> {
        Rc::new(Self {
            declared,
            segments: RefCell::default(),
            length: Cell::default(),
            written: Cell::default(),
            stage: RefCell::new(Stage::Open(None)),
            has_stream: Cell::default(),
        })
    }

    /// Whether more may be written.
    pub fn is_open(&self) -> bool {
        let abandoned = match &*self.stage.borrow() {
            Stage::Open(Some(handled)) => handled.exchange.strong_count() == 0,
            Stage::Open(None) => return true,
            _ => return false,
        };
        if abandoned {
            self.abandon();
        }
        !abandoned
    }

    /// Adds a piece.
    ///
    /// # Errors
    ///
    /// The body is not open, or would become larger than `Content-Length` says or than is kept: then
    /// it fails with `HTTP-request-body-size` and what its length would be.
    pub fn push(&self, segment: Segment) -> Result<(), StreamError> {
        if !self.is_open() {
            return Err(StreamError::Closed);
        }
        let length = self.length.get().saturating_add(segment.len());
        let written = match &segment {
            Segment::Bytes(bytes) => self.written.get() + bytes.len() as u64,
            Segment::Held(_) => self.written.get(),
        };
        if self.declared.is_some_and(|declared| length > declared) || written > MAX_WRITTEN_BYTES {
            return Err(self.fail(wrong_size(length)).into());
        }
        self.length.set(length);
        self.written.set(written);
        let mut segments = self.segments.borrow_mut();
        match (segments.last_mut(), segment) {
            (_, segment) if segment.len() == 0 => {}
            (Some(Segment::Held(total)), Segment::Held(more)) => *total += more,
            (Some(Segment::Bytes(all)), Segment::Bytes(more)) => all.extend(more),
            (_, segment) => segments.push(segment),
        }
        Ok(())
    }

    /// Hands over the request. It is sent at once if the body is finished.
    ///
    /// # Errors
    ///
    /// Why the body broke before.
    pub fn handle(&self, exchange: &Rc<Exchange>, mut request: Send) -> Result<(), Failure> {
        let mut stage = self.stage.borrow_mut();
        match &*stage {
            Stage::Failed(failure) => return Err(failure.clone()),
            Stage::Open(_) => {
                let exchange = Rc::downgrade(exchange);
                *stage = Stage::Open(Some(Handled { exchange, request }));
            }
            Stage::Finished | Stage::Abandoned => {
                request.body = Some(self.segments.take());
                exchange.send(&request);
            }
        }
        Ok(())
    }

    /// Nobody will send it any more: the request or the answer's future was dropped.
    pub fn abandon(&self) {
        let mut stage = self.stage.borrow_mut();
        if !matches!(*stage, Stage::Failed(_)) {
            *stage = Stage::Abandoned;
            self.segments.take();
        }
    }

    /// Has it sent, if its request was handled.
    ///
    /// # Errors
    ///
    /// It failed before, or does not have the length that `Content-Length` gives.
    pub fn finish(&self) -> Result<(), Failure> {
        if let Stage::Failed(failure) = &*self.stage.borrow() {
            return Err(failure.clone());
        }
        if !self.is_open() {
            return Ok(());
        }
        let length = self.length.get();
        if self.declared.is_some_and(|declared| length != declared) {
            return Err(self.fail(wrong_size(length)));
        }
        if let Stage::Open(Some(mut handled)) = self.stage.replace(Stage::Finished)
            && let Some(exchange) = handled.exchange.upgrade()
        {
            handled.request.body = Some(self.segments.take());
            exchange.send(&handled.request);
        }
        Ok(())
    }

    /// Ends it, and the future of its answer, with a failure.
    pub fn fail(&self, failure: Failure) -> Failure {
        let stage = self.stage.replace(Stage::Failed(failure.clone()));
        self.segments.take();
        if let Stage::Open(Some(handled)) = stage
            && let Some(exchange) = handled.exchange.upgrade()
        {
            exchange.fail(failure.clone());
        }
        failure
    }
}

/// A body that is not as long as it must be, or longer than it may be.
pub fn wrong_size(length: u64) -> Failure {
    Failure::sized("HTTP-request-body-size", length)
}
