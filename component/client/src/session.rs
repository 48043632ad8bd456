//! `ron:app/session` and `ron:app/types`: using the app plane.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use ron_core::config::Config;

use crate::call::{self, Answer, Failure};
use crate::limiter::Limiter;
use crate::wit::exports::ron::app::{session, types};
use crate::wit::wasi::http::types::{IncomingBody, IncomingResponse};
use crate::wit::wasi::io::streams::InputStream;
use crate::{Client, convert, runtime};

impl session::Guest for Client {
    type Session = SessionHandle;
    type Call = Call;
}

impl types::Guest for Client {
    type Response = Response;
}

/// What a root session and those derived from it share.
pub struct Root {
    /// Places for exchanges.
    pub limiter: Rc<Limiter>,
    /// Calls to wake when a session closes.
    calls: RefCell<BTreeMap<u64, Waker>>,
    calls_made: Cell<u64>,
}

/// A session.
pub struct Session {
    /// Its configuration.
    pub config: Config,
    /// What it shares.
    pub root: Rc<Root>,
    parent: Option<Rc<Session>>,
    closed: Cell<bool>,
}

impl Session {
    /// A root session.
    pub fn open(config: Config) -> Rc<Self> {
        Rc::new(Self {
            root: Rc::new(Root {
                limiter: Limiter::new(config.max_concurrency, config.max_queue),
                calls: RefCell::default(),
                calls_made: Cell::new(0),
            }),
            config,
            parent: None,
            closed: Cell::new(false),
        })
    }

    /// A session that shares this one's root and ends with it.
    pub fn derive(self: &Rc<Self>, config: Config) -> Rc<Self> {
        Rc::new(Self {
            config,
            root: self.root.clone(),
            parent: Some(self.clone()),
            closed: Cell::new(false),
        })
    }

    /// Ends the session.
    pub fn close(&self) {
        self.closed.set(true);
        for waker in self.root.calls.borrow().values() {
            waker.wake_by_ref();
        }
    }

    /// Whether it, or one that it is derived from, was closed.
    pub fn is_closed(&self) -> bool {
        self.closed.get()
            || self
                .parent
                .as_ref()
                .is_some_and(|parent| parent.is_closed())
    }

    /// Has `waker` woken when a session of this root closes, until the result is dropped.
    pub fn watch(&self, waker: &Waker) -> Watch {
        let id = self.root.calls_made.get();
        self.root.calls_made.set(id + 1);
        self.root.calls.borrow_mut().insert(id, waker.clone());
        Watch {
            root: self.root.clone(),
            id,
        }
    }
}

/// A call's wish to hear of closing.
pub struct Watch {
    root: Rc<Root>,
    id: u64,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.root.calls.borrow_mut().remove(&self.id);
    }
}

/// The exported resource.
pub struct SessionHandle(pub Rc<Session>);

impl session::GuestSession for SessionHandle {
    fn send(&self, request: types::Request) -> Result<types::Response, types::Error> {
        convert::result(runtime::block_on(call::perform(self.0.clone(), request)))
    }

    fn start(&self, request: types::Request, token: u64) -> session::Call {
        session::Call::new(Call {
            future: RefCell::new(Some(Box::pin(call::perform(self.0.clone(), request)))),
            waker: runtime::waker(token),
        })
    }
}

type Performing = Pin<Box<dyn Future<Output = Result<Answer, Failure>>>>;

/// A call in flight; none when it is over.
pub struct Call {
    future: RefCell<Option<Performing>>,
    waker: Waker,
}

impl session::GuestCall for Call {
    fn poll(&self) -> Option<Result<types::Response, types::Error>> {
        let mut future = self.future.borrow_mut();
        let mut context = Context::from_waker(&self.waker);
        match future.as_mut()?.as_mut().poll(&mut context) {
            Poll::Pending => None,
            Poll::Ready(result) => {
                *future = None;
                Some(convert::result(result))
            }
        }
    }
}

/// The answer to a call.
pub struct Response {
    request_id: String,
    attempts: u32,
    // In this order, because a parent must outlive its children.
    stream: RefCell<Option<InputStream>>,
    _body: Option<IncomingBody>,
    response: IncomingResponse,
}

impl Response {
    /// The answer as a resource.
    pub fn new(answer: Answer) -> Self {
        let (body, stream) = crate::exchange::body(&answer.response).unzip();
        Self {
            request_id: answer.request_id,
            attempts: answer.attempts,
            stream: RefCell::new(stream),
            _body: body,
            response: answer.response,
        }
    }
}

impl types::GuestResponse for Response {
    fn status(&self) -> u16 {
        self.response.status()
    }

    fn headers(&self) -> Vec<types::Field> {
        let entries = self.response.headers().entries().into_iter();
        entries
            .map(|(name, value)| types::Field { name, value })
            .collect()
    }

    fn body(&self) -> Option<types::InputStream> {
        self.stream.take()
    }

    fn request_id(&self) -> String {
        self.request_id.clone()
    }

    fn attempts(&self) -> u32 {
        self.attempts
    }
}
