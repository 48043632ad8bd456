//! Answers: the incoming side of `wasi:http/types`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::exchange::{Exchange, Head};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::input_stream::InputStream;
use crate::pollable::Pollable;

/// What a future that gives its value once answers the second time.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken;

/// An answer to come: `future-incoming-response`.
pub struct FutureIncomingResponse(RefCell<Option<Rc<Exchange>>>);

impl FutureIncomingResponse {
    /// The answer of this exchange.
    pub fn new(exchange: Rc<Exchange>) -> Self {
        Self(RefCell::new(Some(exchange)))
    }

    /// Ready when `get` has something to give.
    pub fn subscribe(&self) -> Pollable {
        subscribe(&self.0, Pollable::Head)
    }

    /// The answer, or why there is none. `None` before; an error the second time.
    pub fn get(&self) -> Option<Result<Result<IncomingResponse, Failure>, Taken>> {
        take(&self.0, Exchange::take_head, |head, exchange| {
            head.map(|head| IncomingResponse {
                head,
                exchange: RefCell::new(Some(exchange)),
            })
        })
    }
}

/// An answer: `incoming-response`.
pub struct IncomingResponse {
    head: Head,
    exchange: RefCell<Option<Rc<Exchange>>>,
}

impl IncomingResponse {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The header section.
    pub fn headers(&self) -> Fields {
        Fields::received(self.head.headers.entries())
    }

    /// The body, once.
    pub fn consume(&self) -> Option<IncomingBody> {
        Some(IncomingBody {
            exchange: self.exchange.take()?,
            stream_taken: Cell::default(),
        })
    }
}

/// The body of an answer: `incoming-body`.
pub struct IncomingBody {
    exchange: Rc<Exchange>,
    stream_taken: Cell<bool>,
}

impl IncomingBody {
    /// Its bytes, once.
    pub fn stream(&self) -> Option<InputStream> {
        if self.stream_taken.replace(true) {
            return None;
        }
        Some(InputStream::answer(self.exchange.clone()))
    }

    /// Gives up the bytes that are left for what comes after them. Traps if the stream still lives.
    pub fn finish(self) -> FutureTrailers {
        // Nobody else ever holds the exchange of a body that was taken.
        assert!(
            Rc::strong_count(&self.exchange) == 1,
            "wasi:http/types: the stream of an incoming body outlives it"
        );
        FutureTrailers(RefCell::new(Some(self.exchange)))
    }
}

/// The end of a body: `future-trailers`. Hosts report no trailers, so there are none.
pub struct FutureTrailers(RefCell<Option<Rc<Exchange>>>);

impl FutureTrailers {
    /// Ready when `get` has something to give. What is left of the body is read and thrown away.
    pub fn subscribe(&self) -> Pollable {
        subscribe(&self.0, Pollable::End)
    }

    /// Whether the body came whole, or why not. `None` before; an error the second time.
    pub fn get(&self) -> Option<Result<Result<(), Failure>, Taken>> {
        let end = |exchange: &Exchange| {
            let ended = exchange.drain();
            ended.then(|| exchange.failure().map_or(Ok(()), Err))
        };
        take(&self.0, end, |end, _| end)
    }
}

/// A pollable for a future, which is ready for good once its value was taken.
fn subscribe(
    future: &RefCell<Option<Rc<Exchange>>>,
    pollable: fn(std::rc::Weak<Exchange>) -> Pollable,
) -> Pollable {
    match &*future.borrow() {
        Some(exchange) => pollable(Rc::downgrade(exchange)),
        None => Pollable::Ready,
    }
}

/// Takes the value of a future, and with it the exchange.
fn take<T, U>(
    future: &RefCell<Option<Rc<Exchange>>>,
    value: impl FnOnce(&Exchange) -> Option<T>,
    make: impl FnOnce(T, Rc<Exchange>) -> U,
) -> Option<Result<U, Taken>> {
    let Some(exchange) = future.take() else {
        return Some(Err(Taken));
    };
    match value(&exchange) {
        Some(value) => Some(Ok(make(value, exchange))),
        None => {
            future.replace(Some(exchange));
            None
        }
    }
}
