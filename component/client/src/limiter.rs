//! How many exchanges may be under way at once, and who is next: first come, first served.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use ron_core::error::{Error, ErrorKind};

/// Places for exchanges, and a bounded queue for them.
pub struct Limiter {
    max_concurrency: u32,
    max_queue: u32,
    taken: Cell<u32>,
    queue: RefCell<VecDeque<Rc<Waiter>>>,
}

#[derive(Default)]
struct Waiter {
    granted: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// A place. Dropping it gives it to the next in the queue.
pub struct Place(Rc<Limiter>);

impl Limiter {
    /// A limiter with free places.
    pub fn new(max_concurrency: u32, max_queue: u32) -> Rc<Self> {
        Rc::new(Self {
            max_concurrency,
            max_queue,
            taken: Cell::new(0),
            queue: RefCell::default(),
        })
    }

    /// Waits for a place.
    ///
    /// # Errors
    ///
    /// Kind `overload` if the queue is full.
    pub async fn place(self: &Rc<Self>) -> Result<Place, Error> {
        if self.taken.get() < self.max_concurrency {
            self.taken.set(self.taken.get() + 1);
            return Ok(Place(self.clone()));
        }
        if self.queue.borrow().len() >= self.max_queue as usize {
            return Err(Error::new(
                ErrorKind::Overload,
                "queue_full",
                format!(
                    "{} calls are under way and {} wait; slow down, or raise max_concurrency or max_queue",
                    self.max_concurrency, self.max_queue
                ),
            ));
        }
        let waiter = Rc::<Waiter>::default();
        self.queue.borrow_mut().push_back(waiter.clone());
        Waiting {
            limiter: self,
            waiter,
            over: false,
        }
        .await;
        Ok(Place(self.clone()))
    }

    fn pass_on(&self) {
        match self.queue.borrow_mut().pop_front() {
            Some(next) => {
                next.granted.set(true);
                if let Some(waker) = next.waker.take() {
                    waker.wake();
                }
            }
            None => self.taken.set(self.taken.get() - 1),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.pass_on();
    }
}

struct Waiting<'a> {
    limiter: &'a Limiter,
    waiter: Rc<Waiter>,
    over: bool,
}

impl Future for Waiting<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.waiter.granted.get() {
            self.over = true;
            return Poll::Ready(());
        }
        *self.waiter.waker.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        if self.waiter.granted.get() {
            self.limiter.pass_on();
        } else {
            self.limiter
                .queue
                .borrow_mut()
                .retain(|waiter| !Rc::ptr_eq(waiter, &self.waiter));
        }
    }
}
