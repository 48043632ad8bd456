//! `ron:app/events`: subscribing to event streams.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::batch::Batch;
use crate::outlet::{Outlet, Update};
use crate::resources::SessionHandle;
use crate::runtime::nanoseconds;
use crate::subscription::{self, Failure};
use crate::wit::exports::ron::app::{events, session, types};
use crate::{Client, convert, runtime};

impl events::Guest for Client {
    type Subscription = Subscription;
    type Batch = BatchHandle;

    fn subscribe(
        session: session::SessionBorrow<'_>,
        request: types::Request,
        options: events::Options,
        token: u64,
    ) -> events::Subscription {
        let session = session.get::<SessionHandle>();
        let (mut call, content) = convert::call(session.plane, request);
        call.stream = true;
        let outlet = Rc::<Outlet>::default();
        let settings = convert::stream_settings(options);
        let session = session.session.clone();
        let future = subscription::perform(session, call, content, settings, outlet.clone());
        events::Subscription::new(Subscription {
            token,
            outlet,
            stage: RefCell::new(Stage::UnderWay(Box::pin(future))),
            waker: runtime::waker(token),
        })
    }
}

type Performing = Pin<Box<dyn Future<Output = Result<(), Failure>>>>;

/// A subscription.
pub struct Subscription {
    token: u64,
    outlet: Rc<Outlet>,
    stage: RefCell<Stage>,
    waker: Waker,
}

enum Stage {
    UnderWay(Performing),
    /// It has ended, but the subscriber has not heard of it.
    Ended(Result<(), Failure>),
    Over,
}

impl Subscription {
    /// Hands over bytes of its connection.
    pub fn supply(&self, bytes: Vec<u8>) {
        self.outlet.supply(bytes);
    }

    /// Goes on until there is something for the subscriber.
    fn advance(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut stage = self.stage.borrow_mut();
        if let Stage::UnderWay(future) = &mut *stage
            && !self.outlet.has_update()
            && let Poll::Ready(result) = future.as_mut().poll(context)
        {
            *stage = Stage::Ended(result);
        }
        match *stage {
            Stage::UnderWay(_) if !self.outlet.has_update() => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }
}

impl events::GuestSubscription for Subscription {
    fn poll(&self) -> Option<Result<Option<events::Update>, events::Error>> {
        runtime::enter(self.token);
        let _ = self.advance(&mut Context::from_waker(&self.waker));
        if let Some(update) = self.outlet.take() {
            return Some(Ok(Some(told(update))));
        }
        let mut stage = self.stage.borrow_mut();
        if let Stage::UnderWay(_) = *stage {
            return None;
        }
        match std::mem::replace(&mut *stage, Stage::Over) {
            Stage::Ended(Ok(())) => Some(Ok(None)),
            Stage::Ended(Err(failure)) => Some(Err(events::Error {
                request_id: failure.request_id,
                ..convert::error(failure.error)
            })),
            _ => None,
        }
    }

    fn wait(&self) {
        runtime::block_on(poll_fn(|context| self.advance(context)));
    }

    fn restart(&self) {
        self.outlet.restart();
        self.waker.wake_by_ref();
    }

    fn attempts(&self) -> u32 {
        self.outlet.attempts()
    }
}

/// Messages that came together.
pub struct BatchHandle(RefCell<Batch>);

impl From<Batch> for BatchHandle {
    fn from(batch: Batch) -> Self {
        Self(RefCell::new(batch))
    }
}

impl events::GuestBatch for BatchHandle {
    fn take(&self) -> events::Delivery {
        let mut batch = self.0.borrow_mut();
        let mut before = None;
        let messages = std::mem::take(&mut batch.messages).into_iter();
        events::Delivery {
            messages: messages
                .map(|message| convert::message(message, &mut before))
                .collect(),
            last_event_id: batch.last_event_id.as_ref().to_owned(),
            duplicates: batch.duplicates,
            heartbeats: batch.heartbeats,
        }
    }

    fn fields(&self) -> String {
        self.0.borrow_mut().take_fields()
    }
}

/// What a subscriber is told.
fn told(given: Update) -> events::Update {
    match given {
        Update::Connected {
            request_id,
            buffered,
        } => events::Update::Connected(events::Connection {
            request_id,
            buffered,
        }),
        Update::Received(batch) => {
            events::Update::Received(events::Batch::new(BatchHandle::from(batch)))
        }
        Update::Lost {
            error: cause,
            wait,
            buffered,
        } => events::Update::Lost(events::Loss {
            error: convert::error(cause),
            wait: wait.map(nanoseconds),
            buffered,
        }),
    }
}
