//! Which exchange may begin, and when: first come, first served, as many at once as are allowed, at
//! the pace that the server can bear.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use litemap::LiteMap;
use ron_core::error::{Error, ErrorKind};
use ron_core::message::seconds;
use ron_core::retry::Stopped;
use ron_core::throttle::Throttle;

use crate::runtime::{Sleep, sleep_until};
use crate::wit::wasi::clocks::monotonic_clock;

/// Places for exchanges, and a bounded queue for them.
pub struct Limiter {
    max_queue: u32,
    throttle: RefCell<Throttle>,
    taken: Cell<u32>,
    /// By number, in order of arrival, the last one first.
    queue: RefCell<LiteMap<Reverse<u64>, Rc<Waiter>>>,
    queued: Cell<u64>,
}

#[derive(Default)]
struct Waiter {
    granted: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// Why there is no place.
pub struct Refusal {
    /// What a call hears that has made no attempt.
    pub error: Error,
    /// Why one that has makes no other.
    pub stopped: Stopped,
}

/// A place. Dropping it gives it to the next in the queue.
pub struct Place(Rc<Limiter>);

impl Limiter {
    /// A limiter with free places.
    pub fn new(max_concurrency: u32, max_queue: u32) -> Rc<Self> {
        Rc::new(Self {
            max_queue,
            throttle: RefCell::new(Throttle::new(max_concurrency)),
            taken: Cell::new(0),
            queue: RefCell::default(),
            queued: Cell::new(0),
        })
    }

    /// Waits for a place, which is of use until `deadline` only.
    ///
    /// # Errors
    ///
    /// Kind `overload` if the queue is full, or the pause that the server asked for is too long.
    pub async fn place(self: &Rc<Self>, now: u64, deadline: u64) -> Result<Place, Refusal> {
        let pause = self.pause(now, deadline)?;
        if pause.is_none() && self.queue.borrow().is_empty() && self.has_room() {
            self.taken.set(self.taken.get() + 1);
            return Ok(Place(self.clone()));
        }
        if self.queue.borrow().len() >= self.max_queue as usize {
            return Err(Refusal {
                error: Error::new(
                    ErrorKind::Overload,
                    "queue_full",
                    format!(
                        "{} calls are under way and {} wait; slow down, or raise max_concurrency or max_queue",
                        self.taken.get(),
                        self.max_queue
                    ),
                ),
                stopped: Stopped::QueueFull,
            });
        }
        let waiter = Rc::<Waiter>::default();
        let number = self.queued.get();
        self.queued.set(number + 1);
        {
            let mut queue = self.queue.borrow_mut();
            queue.insert(Reverse(number), waiter.clone());
        }
        Waiting {
            limiter: self,
            waiter,
            number,
            deadline,
            sleep: None,
            over: false,
        }
        .await?;
        Ok(Place(self.clone()))
    }

    /// An answer says that the server has too much to do: see [`Throttle::slow_down`].
    pub fn slow_down(&self, started: u64, asked: Option<Duration>, random: u64) {
        let (now, under_way) = (monotonic_clock::now(), self.taken.get());
        let mut throttle = self.throttle.borrow_mut();
        throttle.slow_down(now, started, under_way, asked, random);
        // Those that wait learn how long.
        for waiter in self.queue.borrow().values().rev() {
            if let Some(waker) = waiter.waker.take() {
                waker.wake();
            }
        }
    }

    /// The server can bear this pace: see [`Throttle::speed_up`].
    pub fn speed_up(&self, started: u64) {
        self.throttle.borrow_mut().speed_up(started);
        self.admit();
    }

    /// Until when nothing may begin.
    fn pause(&self, now: u64, deadline: u64) -> Result<Option<u64>, Refusal> {
        let until = self.throttle.borrow().paused_until(now);
        match until {
            Some(until) if until >= deadline => Err(Refusal {
                error: Error::new(
                    ErrorKind::Overload,
                    "throttled",
                    format!(
                        "the server has asked this client to slow down, for another {}, longer than this call may take; try again later",
                        seconds(Duration::from_nanos(until - now))
                    ),
                ),
                stopped: Stopped::Deadline,
            }),
            until => Ok(until),
        }
    }

    fn has_room(&self) -> bool {
        self.taken.get() < self.throttle.borrow().concurrency()
    }

    /// Gives free places to the first in the queue.
    fn admit(&self) {
        if self.queue.borrow().is_empty() {
            return;
        }
        let now = monotonic_clock::now();
        if self.throttle.borrow().paused_until(now).is_some() {
            return;
        }
        let next = || {
            let mut queue = self.queue.borrow_mut();
            let number = *queue.last()?.0;
            queue.remove(&number)
        };
        while self.has_room()
            && let Some(next) = next()
        {
            self.taken.set(self.taken.get() + 1);
            next.granted.set(true);
            if let Some(waker) = next.waker.take() {
                waker.wake();
            }
        }
    }

    fn give_back(&self) {
        self.taken.set(self.taken.get() - 1);
        self.admit();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

struct Waiting<'a> {
    limiter: &'a Limiter,
    waiter: Rc<Waiter>,
    number: u64,
    deadline: u64,
    /// Until the end of a pause.
    sleep: Option<Sleep>,
    over: bool,
}

impl Future for Waiting<'_> {
    type Output = Result<(), Refusal>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let now = monotonic_clock::now();
        loop {
            if this.waiter.granted.get() {
                this.over = true;
                return Poll::Ready(Ok(()));
            }
            let Some(until) = this.limiter.pause(now, this.deadline)? else {
                // The pause may have ended without anybody noticing.
                this.limiter.admit();
                if this.waiter.granted.get() {
                    continue;
                }
                break;
            };
            // A pause only grows, and its end is asked for again then.
            let sleep = this.sleep.get_or_insert_with(|| sleep_until(until));
            if Pin::new(sleep).poll(context).is_pending() {
                break;
            }
            this.sleep = None;
        }
        *this.waiter.waker.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        if self.waiter.granted.get() {
            self.limiter.give_back();
        } else {
            let mut queue = self.limiter.queue.borrow_mut();
            queue.remove(&Reverse(self.number));
        }
    }
}
