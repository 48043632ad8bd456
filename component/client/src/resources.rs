//! `ron:app/session` and `ron:app/types`: performing calls.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use ron_core::plane::Plane;
use ron_core::timeline::Timeline;

use crate::call::{self, Answer, Failure};
use crate::session::Session;
use crate::wit::exports::ron::app::{session, types};
use crate::wit::wasi::http::types::{IncomingBody, IncomingResponse};
use crate::wit::wasi::io::streams::InputStream;
use crate::{Client, convert, exchange, runtime};

impl session::Guest for Client {
    type Session = SessionHandle;
    type Call = Call;
}

impl types::Guest for Client {
    type Response = Response;
}

/// The exported resource.
pub struct SessionHandle {
    /// The session.
    pub session: Rc<Session>,
    /// Where its requests go.
    pub plane: Plane,
}

impl session::GuestSession for SessionHandle {
    fn send(&self, request: types::Request) -> Result<types::Response, types::Error> {
        result(runtime::block_on(self.perform(request)))
    }

    fn start(&self, request: types::Request, token: u64) -> session::Call {
        session::Call::new(Call {
            token,
            stage: RefCell::new(Stage::UnderWay(self.perform(request))),
            waker: runtime::waker(token),
        })
    }
}

impl SessionHandle {
    fn perform(&self, request: types::Request) -> Performing {
        let (call, content) = convert::call(self.plane, request);
        Box::pin(call::perform(self.session.clone(), call, content))
    }
}

type Performing = Pin<Box<dyn Future<Output = Result<Answer, Failure>>>>;

/// A call in flight.
pub struct Call {
    token: u64,
    stage: RefCell<Stage>,
    waker: Waker,
}

enum Stage {
    UnderWay(Performing),
    Ended(Result<Answer, Failure>),
    /// Its result was given.
    Over,
}

impl Call {
    fn advance(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut stage = self.stage.borrow_mut();
        if let Stage::UnderWay(future) = &mut *stage {
            let result = ready!(future.as_mut().poll(context));
            *stage = Stage::Ended(result);
        }
        Poll::Ready(())
    }
}

impl session::GuestCall for Call {
    fn poll(&self) -> Option<Result<types::Response, types::Error>> {
        runtime::enter(self.token);
        let mut context = Context::from_waker(&self.waker);
        if self.advance(&mut context).is_pending() {
            return None;
        }
        match self.stage.replace(Stage::Over) {
            Stage::Ended(ended) => Some(result(ended)),
            _ => None,
        }
    }

    fn wait(&self) {
        runtime::block_on(poll_fn(|context| self.advance(context)));
    }
}

/// The answer to a call.
pub struct Response {
    request_id: String,
    timeline: Timeline,
    // In this order, because a parent must outlive its children.
    stream: RefCell<Option<InputStream>>,
    _body: Option<IncomingBody>,
    response: IncomingResponse,
}

impl Response {
    /// The answer as a resource.
    pub fn new(answer: Answer) -> Self {
        let (body, stream) = exchange::body(&answer.response).unzip();
        Self {
            request_id: answer.request_id,
            timeline: answer.timeline,
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
        self.timeline.attempts.len() as u32
    }

    fn timeline(&self) -> Vec<types::Attempt> {
        convert::attempts(&self.timeline.attempts)
    }
}

fn result(result: Result<Answer, Failure>) -> Result<types::Response, types::Error> {
    match result {
        Ok(answer) => Ok(types::Response::new(Response::new(answer))),
        Err(failure) => Err(types::Error {
            timeline: convert::attempts(&failure.timeline.attempts),
            stopped: failure.timeline.stopped.map(convert::stopped),
            request_id: failure.request_id,
            ..convert::error(failure.error)
        }),
    }
}
