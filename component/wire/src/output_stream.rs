//! Where bytes go: `output-stream` of `wasi:io/streams`, which leads into the body of a request.
//!
//! The body is kept until it is finished, so writing never has to wait: the stream is always ready,
//! and a flush has nothing to do.

use std::cell::Cell;
use std::rc::Rc;

use crate::commands::Segment;
use crate::defaults::{MAX_BLOCKING_WRITE_BYTES, WRITE_PERMIT_BYTES};
use crate::input_stream::InputStream;
use crate::pollable::Pollable;
use crate::request_body::RequestBody;
use crate::stream_error::StreamError;

/// The stream of a request's body.
pub struct OutputStream {
    body: Rc<RequestBody>,
    /// How many bytes the next `write` may have.
    permit: Cell<u64>,
}

impl OutputStream {
    /// The stream of this body.
    pub fn new(body: Rc<RequestBody>) -> Self {
        Self {
            body,
            permit: Cell::new(0),
        }
    }

    /// How many bytes the next `write` may have.
    ///
    /// # Errors
    ///
    /// The stream is closed: the body broke, or nobody wants it sent any more.
    pub fn check_write(&self) -> Result<u64, StreamError> {
        self.flush()?;
        self.permit.set(WRITE_PERMIT_BYTES);
        Ok(WRITE_PERMIT_BYTES)
    }

    /// Writes. Traps beyond the permit that the last `check-write` gave.
    ///
    /// # Errors
    ///
    /// See `RequestBody::push`.
    pub fn write(&self, contents: Vec<u8>) -> Result<(), StreamError> {
        self.use_permit(contents.len() as u64)?;
        self.body.push(Segment::Bytes(contents))
    }

    /// Writes zeroes, as `write` does.
    ///
    /// # Errors
    ///
    /// As for `write`.
    pub fn write_zeroes(&self, len: u64) -> Result<(), StreamError> {
        self.use_permit(len)?;
        self.body.push(Segment::Bytes(vec![0; len as usize]))
    }

    fn use_permit(&self, len: u64) -> Result<(), StreamError> {
        self.flush()?;
        assert!(
            len <= self.permit.take(),
            "wasi:io/streams: write beyond the permit of check-write"
        );
        Ok(())
    }

    /// Asks for the permit of a `blocking-write-and-flush`. Traps beyond what that takes.
    ///
    /// # Errors
    ///
    /// As for `check_write`.
    pub fn check_blocking_write(&self, len: u64) -> Result<(), StreamError> {
        assert!(
            len <= MAX_BLOCKING_WRITE_BYTES,
            "wasi:io/streams: a blocking write of more than 4096 bytes"
        );
        self.check_write().map(drop)
    }

    /// Nothing lies between the stream and the body.
    ///
    /// # Errors
    ///
    /// The stream is closed.
    pub fn flush(&self) -> Result<(), StreamError> {
        if self.body.is_open() {
            Ok(())
        } else {
            Err(StreamError::Closed)
        }
    }

    /// Moves up to `len` bytes from another stream: how many it were. Bytes that the host holds are
    /// moved by reference, so no permit bounds them.
    ///
    /// # Errors
    ///
    /// That of either stream.
    pub fn splice(&self, source: &InputStream, len: u64) -> Result<u64, StreamError> {
        let permit = self.check_write()?;
        self.permit.take();
        let segment = source.segment(len, permit)?;
        let moved = segment.len();
        self.body.push(segment)?;
        Ok(moved)
    }

    /// Ready at once.
    pub fn subscribe(&self) -> Pollable {
        Pollable::Ready
    }
}

impl Drop for OutputStream {
    fn drop(&mut self) {
        self.body.has_stream.set(false);
    }
}
