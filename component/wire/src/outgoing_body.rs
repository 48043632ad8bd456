//! The right to finish the body of a request.

use std::cell::Cell;
use std::rc::Rc;

use crate::failure::Failure;
use crate::fields::Fields;
use crate::output_stream::OutputStream;
use crate::request_body::RequestBody;

/// The right to finish a body: `outgoing-body` of `wasi:http/types`.
pub struct OutgoingBody {
    body: Rc<RequestBody>,
    stream_taken: Cell<bool>,
    over: Cell<bool>,
}

impl OutgoingBody {
    /// The right to finish this body.
    pub fn new(body: Rc<RequestBody>) -> Self {
        Self {
            body,
            stream_taken: Cell::default(),
            over: Cell::default(),
        }
    }

    /// Its stream, once.
    pub fn write(&self) -> Option<OutputStream> {
        if self.stream_taken.replace(true) {
            return None;
        }
        self.body.has_stream.set(true);
        Some(OutputStream::new(self.body.clone()))
    }

    /// Finishes the body. Traps if its stream still lives.
    ///
    /// # Errors
    ///
    /// The body does not have the length that `Content-Length` gives, or has trailers, which hosts
    /// don't send. The answer's future then fails too.
    pub fn finish(self, trailers: Option<Fields>) -> Result<(), Failure> {
        self.end();
        if trailers.is_some_and(|trailers| !trailers.entries().is_empty()) {
            return Err(self
                .body
                .fail(Failure::internal("trailers of requests are not supported")));
        }
        self.body.finish()
    }

    fn end(&self) {
        self.over.set(true);
        assert!(
            !self.body.has_stream.get(),
            "wasi:http/types: the stream of an outgoing body outlives it"
        );
    }
}

impl Drop for OutgoingBody {
    fn drop(&mut self) {
        if self.over.get() {
            return;
        }
        self.end();
        if self.body.is_open() {
            self.body.fail(Failure::internal(
                "the request body was dropped before it was finished",
            ));
        }
    }
}
