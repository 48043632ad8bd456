//! What goes between a subscription and its subscriber.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ron_core::error::Error;

use crate::batch::Batch;

/// What the subscriber is told.
pub enum Update {
    /// The stream is open.
    Connected {
        /// The id of the subscription.
        request_id: String,
        /// Whether something on the way held the answer until it was whole.
        buffered: bool,
    },
    /// Messages have come.
    Received(Batch),
    /// The stream is not open any more.
    Lost {
        /// Why.
        error: Error,
        /// How long until the next connection, if there will be one.
        wait: Option<Duration>,
        /// Whether it looks as if something on the way holds the answer until it is whole.
        buffered: bool,
    },
}

/// What a subscription and its subscriber share.
#[derive(Default)]
pub struct Outlet {
    /// What the subscriber has not taken yet. Nothing is done until then.
    update: RefCell<Option<Update>>,
    /// Bytes of the connection that a host has handed over itself.
    supplied: RefCell<Vec<u8>>,
    /// Whether the subscriber wants another connection.
    restart: Cell<bool>,
    /// How many requests were sent.
    attempts: Cell<u32>,
}

impl Outlet {
    /// Whether there is an update.
    pub fn has_update(&self) -> bool {
        self.update.borrow().is_some()
    }

    /// The next update.
    pub fn take(&self) -> Option<Update> {
        self.update.take()
    }

    /// Has the connection dropped and another made, the next time that the subscription is polled.
    pub fn restart(&self) {
        self.restart.set(true);
    }

    /// Hands over bytes of the connection, of which the next reading takes all.
    pub fn supply(&self, bytes: Vec<u8>) {
        self.supplied.replace(bytes);
    }

    /// Takes those bytes.
    pub fn take_supplied(&self) -> Vec<u8> {
        self.supplied.take()
    }

    /// Notes that another request is sent. Bytes that were handed over belong to the one before.
    pub fn begin_attempt(&self) {
        self.supplied.take();
        self.attempts.set(self.attempts() + 1);
    }

    /// How many requests were sent.
    pub fn attempts(&self) -> u32 {
        self.attempts.get()
    }

    /// Tells the subscriber, and waits until it has been heard.
    pub async fn put(&self, update: Update) {
        self.update.replace(Some(update));
        poll_fn(|_| match *self.update.borrow() {
            Some(_) => Poll::Pending,
            None => Poll::Ready(()),
        })
        .await;
    }

    /// Does the work, or gives up when the subscriber wants another connection.
    pub async fn unless_restarted<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        poll_fn(|context: &mut Context<'_>| {
            if self.restart.take() {
                return Poll::Ready(None);
            }
            work.as_mut().poll(context).map(Some)
        })
        .await
    }
}
